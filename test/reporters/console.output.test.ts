import { describe, expect, it } from 'vitest'
import { useConsoleStage } from './console-stage.ts'

const onStage = useConsoleStage()

describe('on the console', () => {
  it('a transaction left open is told with its place, its state and the likely cause, and later how it cleared', async () => {
    await onStage({}, async ({ clock, request, printed }) => {
      const client = await request('showOrder')
      clock.advance(10_000)
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:10Z pg-lifeguard: suspected: idle-transaction in pool main
          neither COMMIT nor ROLLBACK followed the last statement for 10 s: an early return, a missing finally, or a slow call inside the transaction

          checked out at /app/orders.mjs:6:29 in showOrder
              4 |
              5 | export async function showOrder(pool) {
            > 6 |   const client = await pool.connect()
                |                             ^
              7 |   await client.query('BEGIN')
              8 |   const { rows } = await client.query("SELECT id FROM items WHERE note = 'secret' AND id > 41")
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          server pid 4711, idle in an open transaction for 10 s, 2 queries
          last query: SELECT id FROM items WHERE note = ? AND id > ?
          left alone; to end the session by hand: SELECT pg_terminate_backend(4711)

        "
      `)
      clock.advance(5_000)
      client.release()
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:15Z pg-lifeguard: leak: dirty-release in pool main
          released between BEGIN and COMMIT: an early return, or a branch that neither commits nor rolls back

          checked out at /app/orders.mjs:6:29 in showOrder
          called from /app/orders.mjs:2:62 in Immediate._onImmediate
          transaction opened at /app/orders.mjs:7:16 in showOrder

          server pid 4711, idle in an open transaction for 15 s, 2 queries
          last query: SELECT id FROM items WHERE note = ? AND id > ?

        2026-01-01T00:00:15Z pg-lifeguard: resolved idle-transaction at /app/orders.mjs:6:29: released after 15 s
        "
      `)
    })
  })

  it('what is found of the same checkout later is a line', async () => {
    await onStage({}, async ({ clock, request, printed }) => {
      await request('showOrder')
      clock.advance(10_000)
      printed()
      clock.advance(20_000)
      expect(printed()).toMatchInlineSnapshot(`
        "2026-01-01T00:00:30Z pg-lifeguard: long-hold at /app/orders.mjs:6:29, too: its transaction is still open and has been idle for 30 s: neither COMMIT nor ROLLBACK was reached
        "
      `)
    })
  })

  it('a client that is never given back is told, and how long it was held', async () => {
    await onStage({}, async ({ clock, request, printed }) => {
      const client = await request('warmUp')
      clock.advance(30_000)
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:30Z pg-lifeguard: suspected: long-hold in pool main
          it was never used: acquired only to open the pool, or the code threw before the first statement

          checked out at /app/orders.mjs:15:21 in warmUp
              13 |
              14 | export async function warmUp(pool) {
            > 15 |   return await pool.connect()
                 |                     ^
              16 | }
              17 |
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          server pid 4711, idle for 30 s, 0 queries

        "
      `)
      clock.advance(45_000)
      client.release()
      expect(printed()).toMatchInlineSnapshot(`
        "2026-01-01T00:01:15Z pg-lifeguard: resolved long-hold at /app/orders.mjs:15:21: released after 1 min 15 s
        "
      `)
    })
  })

  it('a release inside a transaction is told with what was done about it', async () => {
    await onStage({ mode: 'enforce' }, async ({ pool, request, printed }) => {
      await request('saveOrder')
      await pool.query('SELECT 1')
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:00Z pg-lifeguard: leak: dirty-release in pool main
          released between BEGIN and COMMIT: an early return, or a branch that neither commits nor rolls back
          done: the transaction was rolled back

          checked out at /app/orders.mjs:19:29 in saveOrder
              17 |
              18 | export async function saveOrder(pool) {
            > 19 |   const client = await pool.connect()
                 |                             ^
              20 |   try {
              21 |     await client.query('BEGIN')
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          server pid 4711, transaction open, 2 queries
          last query: INSERT INTO items (note) VALUES ($1)

        2026-01-01T00:00:00Z pg-lifeguard: resolved dirty-release at /app/orders.mjs:19:29: rolled back before the next owner could use it
        "
      `)
    })
  })

  it('a second release is told with both places', async () => {
    await onStage({}, async ({ request, printed }) => {
      await request('releaseTwice').catch(() => {})
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:00Z pg-lifeguard: leak: double-release in pool main
          released twice: two paths (catch and finally, or an event and a callback) both call release

          checked out at /app/orders.mjs:30:29 in releaseTwice
              28 |
              29 | export async function releaseTwice(pool) {
            > 30 |   const client = await pool.connect()
                 |                             ^
              31 |   client.release()
              32 |   await giveBack(client)
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          released again at /app/orders.mjs:36:10 in giveBack
              34 |
              35 | async function giveBack(client) {
            > 36 |   client.release()
                 |          ^
              37 | }
              38 |

          server pid 4711, 0 queries

        "
      `)
    })
  })

  it('an empty pool is told with who holds its clients', async () => {
    await onStage({}, async ({ clock, request, printed }) => {
      const client = await request('showOrder')
      const waiting = request('orders')
      await new Promise<void>((resolve) => setImmediate(resolve))
      clock.advance(5_000)
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:05Z pg-lifeguard: suspected: pool-exhausted in pool main
          a caller has been waiting for 5 s: 1 of 1 client is checked out

          asked for a client at /app/orders.mjs:40:15 in orders
              38 |
              39 | export async function orders(pool) {
            > 40 |   return pool.connect()
                 |               ^
              41 | }
              42 |
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          held by
          - /app/orders.mjs:6:29, held for 5 s, transaction open, idle for 5 s, server pid 4711
            last query: SELECT id FROM items WHERE note = ? AND id > ?

        "
      `)
      client.release()
      const next = await waiting
      expect(printed()).toMatchInlineSnapshot(`
        "
        2026-01-01T00:00:05Z pg-lifeguard: leak: dirty-release in pool main
          released between BEGIN and COMMIT: an early return, or a branch that neither commits nor rolls back

          checked out at /app/orders.mjs:6:29 in showOrder
              4 |
              5 | export async function showOrder(pool) {
            > 6 |   const client = await pool.connect()
                |                             ^
              7 |   await client.query('BEGIN')
              8 |   const { rows } = await client.query("SELECT id FROM items WHERE note = 'secret' AND id > 41")
          called from /app/orders.mjs:2:62 in Immediate._onImmediate

          server pid 4711, idle in an open transaction for 5 s, 2 queries
          last query: SELECT id FROM items WHERE note = ? AND id > ?

        2026-01-01T00:00:05Z pg-lifeguard: resolved pool-exhausted at /app/orders.mjs:40:15: got a client after 5 s
        "
      `)
      next.release()
    })
  })

  it('a terminal gets colours and the lines broken to its width', async () => {
    await onStage({ columns: 72 }, async ({ clock, request, printed }) => {
      const client = await request('showOrder')
      clock.advance(10_000)
      expect(printed()).toMatchInlineSnapshot(`
        "
        <esc>[2m2026-01-01T00:00:10Z<esc>[22m
        <esc>[2mpg-lifeguard:<esc>[22m <esc>[33msuspected:<esc>[39m <esc>[1midle-transaction<esc>[22m in pool main
          neither COMMIT nor ROLLBACK followed the last statement for 10 s: an
          early return, a missing finally, or a slow call inside the transaction

          checked out at <esc>[36m/app/orders.mjs:6:29<esc>[39m<esc>[2m in showOrder<esc>[22m
            <esc>[2m  4 |<esc>[22m
            <esc>[2m  5 | export async function showOrder(pool) {<esc>[22m
            <esc>[31m><esc>[39m 6 |   const client = await pool.connect()
                |                             <esc>[31m^<esc>[39m
            <esc>[2m  7 |   await client.query('BEGIN')<esc>[22m
            <esc>[2m  8 |   const { rows } = await client.query("SELECT id FROM items W<esc>[22m
          <esc>[2mcalled from<esc>[22m <esc>[36m/app/orders.mjs:2:62<esc>[39m<esc>[2m in Immediate._onImmediate<esc>[22m

          server pid 4711, idle in an open transaction for 10 s, 2 queries
          last query: SELECT id FROM items WHERE note = ? AND id > ?
        <esc>[2m  left alone; to end the session by hand: SELECT<esc>[22m
        <esc>[2m  pg_terminate_backend(4711)<esc>[22m

        "
      `)
      client.release()
    })
  })

  it('a statement is shown as far as it was asked for', async () => {
    const lastQueryOf = async (queryText: 'full' | 'none') => {
      let shown = ''
      await onStage({ queryText }, async ({ clock, request, printed }) => {
        await request('showOrder')
        clock.advance(10_000)
        shown = printed()
      })
      return shown.split('\n').filter((line) => line.includes('last query:'))
    }
    expect(await lastQueryOf('full')).toEqual([
      "  last query: SELECT id FROM items WHERE note = 'secret' AND id > 41",
    ])
    expect(await lastQueryOf('none')).toEqual([])
  })
})
