"""The table of blocks: which frame runs which node."""

from perdure.core.blocks.activity import ActivityFrame
from perdure.core.blocks.ask import AskFrame
from perdure.core.blocks.branch import BranchFrame
from perdure.core.blocks.cache import CacheFrame
from perdure.core.blocks.child import ChildFrame
from perdure.core.blocks.foreach import ForeachFrame
from perdure.core.blocks.handling import CatchFrame, FinallyFrame
from perdure.core.blocks.lock import LockFrame
from perdure.core.blocks.modifiers import DeadlineFrame, FinishFrame, GuardFrame
from perdure.core.blocks.parallel import ParallelFrame
from perdure.core.blocks.plain import FailFrame, ReturnFrame, RollbackFrame, SetFrame, UseFrame
from perdure.core.blocks.queued import QueuedFrame
from perdure.core.blocks.receive import ReceiveFrame
from perdure.core.blocks.repeat import RepeatFrame
from perdure.core.blocks.retry import RetryFrame
from perdure.core.blocks.run import RunFrame
from perdure.core.blocks.select import SelectFrame
from perdure.core.blocks.sending import DeliverFrame, PublishFrame, RestartFrame
from perdure.core.blocks.sequence import SequenceFrame
from perdure.core.blocks.undoing import Undoing
from perdure.core.blocks.wait import WaitFrame
from perdure.core.frame import Frame
from perdure.program import nodes

BLOCKS: dict[type, type[Frame]] = {
    nodes.Run: RunFrame,
    nodes.Sequence: SequenceFrame,
    nodes.Activity: ActivityFrame,
    nodes.Branch: BranchFrame,
    nodes.Parallel: ParallelFrame,
    nodes.Foreach: ForeachFrame,
    nodes.Repeat: RepeatFrame,
    nodes.Wait: WaitFrame,
    nodes.Select: SelectFrame,
    nodes.Ask: AskFrame,
    nodes.Set: SetFrame,
    nodes.Return: ReturnFrame,
    nodes.Fail: FailFrame,
    nodes.Rollback: RollbackFrame,
    nodes.Use: UseFrame,
    nodes.Receive: ReceiveFrame,
    nodes.Publish: PublishFrame,
    nodes.Send: DeliverFrame,
    nodes.Emit: DeliverFrame,
    nodes.CancelRun: DeliverFrame,
    nodes.Restart: RestartFrame,
    nodes.Child: ChildFrame,
    nodes.Guard: GuardFrame,
    nodes.Cache: CacheFrame,
    nodes.Lock: LockFrame,
    nodes.Queued: QueuedFrame,
    nodes.Finally: FinallyFrame,
    nodes.Catch: CatchFrame,
    nodes.Deadline: DeadlineFrame,
    nodes.Retry: RetryFrame,
    nodes.Finish: FinishFrame,
}

__all__ = ["BLOCKS", "Undoing"]
