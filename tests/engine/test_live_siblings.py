"""Children's definitions that lie beside their parent's file are deployed with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import OpenEngine

import perdure
from perdure.errors import DefinitionError, RunFailed, UnknownRun

MUM = "workflow: mum\nsteps:\n  - {id: k, workflow: kid}\n"
KID = "workflow: kid\nsteps:\n  - {id: g, workflow: grandkid}\n"
GRANDKID = "workflow: grandkid\nsteps:\n  - {return: beside}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mum.yaml").write_text(MUM)
    return tmp_path


async def test_children_beside_the_file_are_found_whatever_their_suffix(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yml").write_text(KID)
    (folder / "grandkid.json").write_text('{"workflow": "grandkid", "steps": [{"return": "beside"}]}')
    async with opened() as engine:
        assert await (await engine.start(folder / "mum.yaml")).result(10) == "beside"
        assert await (await engine.start(perdure.load(folder / "mum.yaml"))).result(10) == "beside"


async def test_a_deployed_child_comes_before_the_file_beside(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yaml").write_text("workflow: kid\nsteps:\n  - {return: beside}\n")
    async with opened() as engine:
        await engine.deploy("workflow: kid\nsteps:\n  - {return: deployed}\n")
        assert await (await engine.start(folder / "mum.yaml")).result(10) == "deployed"


async def test_definitions_that_name_each_other_are_loaded_once(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yaml").write_text("workflow: kid\nsteps:\n  - {if: 'false', workflow: mum}\n  - {return: 1}\n")
    async with opened() as engine:
        assert await (await engine.start(folder / "mum.yaml")).result(10) == 1


async def test_a_child_that_is_nowhere_fails_its_step(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yaml").write_text("workflow: other\nsteps:\n  - {return: 1}\n")
    async with opened() as engine:
        with pytest.raises(RunFailed, match="no definition of kid is deployed"):
            await (await engine.start(folder / "mum.yaml")).result(10)
        with pytest.raises(RunFailed, match="no definition of kid is deployed"):
            await (await engine.start(MUM)).result(10)


async def test_a_broken_file_beside_is_the_authors_error_and_nothing_starts(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yaml").write_text("workflow: kid\nsteps:\n  - {activty: x}\n")
    async with opened() as engine:
        with pytest.raises(DefinitionError) as caught:
            await engine.start(folder / "mum.yaml", id="r")
        assert str(folder / "kid.yaml") in str(caught.value)
        with pytest.raises(UnknownRun):
            await engine.run("r").describe()


async def test_a_pure_client_deploys_what_a_worker_then_starts(opened: OpenEngine, folder: Path) -> None:
    (folder / "kid.yaml").write_text(KID)
    (folder / "grandkid.yaml").write_text(GRANDKID)
    async with opened(work=False) as client:
        run = await client.start(folder / "mum.yaml")
    async with opened() as engine:
        assert await engine.run(run.id).result(10) == "beside"
