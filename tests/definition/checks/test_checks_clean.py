"""A definition with every construct, in which there is nothing to find."""

from __future__ import annotations

EVERYTHING = """
    workflow: everything
    version: "1"
    description: "{{ this is prose }}"
    input:
      type: object
      required: [orders]
      properties:
        orders: {type: array, items: {type: object, properties: {id: {type: string}, lines: {type: array}}}}
        vip: {type: boolean}
        note: {type: [string, "null"]}
      additionalProperties: false
    vars: {count: 0, best: null, started: "{{ now() }}", by: "{{ input.note | default('nobody') }}"}
    labels: {customer: "{{ input.note | default('none') }}"}
    defaults: {"shop.*": {timeout: {attempt: 10s, total: 1m}, retry: {attempts: 3, delay: "{{ run.attempt }}s"}}}
    timeout: 30d
    retry: {attempts: 2, delay: "{{ run.attempt }}m", on: [Timeout]}
    queries: {items: "state.items | default([])", who: "{{ run.id ~ (state.by if state else '') }}"}
    fragments:
      notify:
        description: Tell somebody
        input:
          type: object
          required: [to]
          properties: {to: {type: string}, text: {type: string, default: Hello}}
          additionalProperties: false
        steps:
          - id: sent
            activity: mail.send
            with: {to: "{{ input.to }}", text: "{{ input.text | default('Hello') }} {{ vars.count }} {{ run.id }}"}
            if: input.to is string and input.to != ""
          - use: log
            with: {what: "{{ steps.sent }}"}
        output: {sent: "{{ steps.sent }}"}
      log: {steps: [{set: {logged: "{{ input.what }}"}}]}
    catch:
      - errors: [payments.*]
        if: error.type != "payments.Declined" and steps.charge is defined
        as: problem
        compensate: true
        steps: [{use: notify, with: {to: "{{ problem.message }}"}}]
      - steps: [{fail: {type: "{{ error.type }}", message: "{{ error.message }}", details: ["{{ vars.started }}"]}}]
    finally: [{id: closing, activity: shop.close, with: {charged: "{{ steps.charge }}"}}]
    output: {charge: "{{ steps.charge }}", all: "{{ steps }}", count: "{{ vars.count }}", note: "{{ input['note'] }}"}
    steps:
      - id: charge
        activity: shop.charge
        with: {orders: "{{ input.orders }}", literal: "{{ '{{' }} braces {{ '}}' }}", sum: "{{ input.orders | sum }}"}
        timeout: {attempt: 5s, total: 1m, heartbeat: 3s}
        retry: {attempts: 5, backoff: exponential, delay: 1s, on: [Timeout], except: [payments.*]}
        output: "{{ steps.charge.id }}"
        compensate: {id: refund, activity: shop.refund, with: {id: "{{ steps.charge }}", by: "{{ vars.by }}"}}
        summary: "Charging {{ input.note }}"
      - id: each
        foreach: input.orders
        as: order
        join: 2
        rest: finish
        concurrency: 4
        on_error: collect
        steps:
          - id: pack
            activity: shop.pack
            with: {id: "{{ order.id }}", at: "{{ index }}", charge: "{{ steps.charge }}"}
            compensate: {steps: [{activity: shop.unpack, with: {id: "{{ steps.pack }}", order: "{{ order }}"}}]}
          - foreach: order.lines | default([])
            steps: [{id: line, activity: shop.line, with: {x: "{{ item ~ index ~ order.id ~ steps.pack }}"}}]
          - return: "{{ steps.pack }}"
            if: steps.pack == "stop"
        output: "{{ run.attempt }}"
      - id: loop
        repeat: {while: "vars.count < 10 and index < 20", max: 100}
        steps:
          - {id: bump, set: {count: "{{ vars.count + 1 }}"}}
          - {id: nap, wait: "{{ steps.bump.count }}s"}
      - repeat: {until: "steps.poll.done or vars.best is defined"}
        steps: [{id: poll, activity: shop.poll, with: {last: "{{ vars.best }}", turn: "{{ index }}"}}]
      - id: both
        parallel:
          branches:
            left: [{id: left, set: {best: 1}}, {set: {best: "{{ steps.left.best }}"}}]
            right: {if: input.vip, steps: [{id: right, activity: shop.right, with: {c: "{{ steps.charge }}"}}]}
          join: any
          on_error: fail
        output: "{{ [steps.left, steps.right] }}"
      - id: choose
        branch:
          - when: input.vip and steps.left is defined
            steps: [{id: chosen, set: {best: "{{ steps.both }}"}}]
          - when: steps.right == null
            steps: []
          - else: [{fail: {type: Never, message: "no {{ input.note }}"}, catch: [{errors: [Never]}]}]
      - branch:
          on: input.note
          cases: {"200": [{set: {best: 200}}], x: {steps: [{set: {best: "{{ steps.chosen }}"}}]}}
          else: {steps: [{set: {best: null}}]}
      - id: paid
        wait: {any: [{signal: paid}, {signal: cancelled}, {after: 3d, name: late}], timeout: 9d, default: {name: none}}
      - id: until
        wait: {until: "2030-01-01T09:00:00", timezone: Europe/Berlin}
      - id: deferred
        select:
          - {signal: go, steps: [{id: gone, set: {best: "{{ message.x + steps.paid.data }}"}}]}
          - {after: "{{ vars.count }}m", steps: [{set: {best: "{{ steps.until }}"}}]}
      - id: approval
        ask:
          prompt: "Approve {{ steps.charge }}?"
          form: {type: object, properties: {ok: {type: boolean}, why: {enum: "{{ input.orders }}"}}}
          of: ["{{ vars.by }}"]
          timeout: 2d
          default: {ok: false}
      - if: steps.approval.answer.ok and steps.approval.by != none
        steps: [{id: inner, use: notify, with: {to: "{{ steps.gone.best | default('x') }}"}}]
        catch: [{as: bad, steps: [{id: caught, set: {best: "{{ bad.type ~ error.type }}"}}]}]
        finally: [{set: {best: "{{ [steps.inner, steps.caught] }}"}}]
      - {use: notify, with: {to: "{{ steps.inner.sent | default('x', true) }}", text: bye}}
      - id: cart
        receive:
          state: {items: [], open: true, by: "{{ vars.by }}"}
          on:
            - update: add
              input: {type: object, required: [sku], properties: {sku: {type: string}}}
              accept: state.items | length < 10 and message.sku != "" and steps.charge is defined
              steps:
                - {id: stock, activity: shop.stock, with: {sku: "{{ message.sku }}", in: "{{ state.items }}"}}
                - publish: {items: "{{ state.items + [steps.stock] }}", by: "{{ state.by }}"}
              set: {items: "{{ state.items + [steps.stock] }}"}
              reply: {count: "{{ state.items | length }}", stock: "{{ steps.stock }}"}
            - {update: look, async: true, reply: "{{ state.items }}"}
            - {signal: close, set: {open: "{{ message }}"}, stop: true}
          until: not state.open
          timeout: 5m
          default: {items: []}
        compensate: {send: {to: "{{ run.id }}", signal: undone, data: "{{ steps.cart.items }}"}}
      - id: heard
        wait: {event: shop.opened, match: "message.shop == input.note and message.at > steps.cart.items[0]"}
      - id: which
        select:
          - {event: shop.closed, match: message.now, steps: [{set: {best: "{{ message.why }}"}}]}
          - {event: shop.closed, steps: []}
      - {id: sent, send: {to: "shop-{{ steps.heard.shop }}", signal: hello, data: {from: "{{ run.id }}"}}}
      - {emit: {event: hello, data: ["{{ steps.sent }}"]}}
      - {cancel: {run: "{{ steps.heard.run }}", reason: "not needed by {{ run.id }}"}}
      - id: packed
        workflow: shop.pack
        with: {items: "{{ steps.cart.items }}"}
        detach: true
        on_parent_close: abandon
      - {cancel: "{{ steps.packed }}"}
      - {if: steps.heard.again, restart: {input: {orders: "{{ input.orders }}", note: "{{ steps.cart.by }}"}}}
      - rollback: {to: charge}
      - {id: last, return: {each: "{{ steps.each }}", first: "{{ steps.each }}", last: "{{ steps.caught }}"}}
    """


def test_a_definition_with_every_construct_raises_no_alarm(holds):
    holds(EVERYTHING)
