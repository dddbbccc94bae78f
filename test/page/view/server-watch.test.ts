import { describe, expect, it, onTestFinished } from 'vitest'
import { addItem, type PageItems } from '../../../src/page/view/items.ts'
import type { PageServer } from '../../../src/page/view/page-data.ts'
import { ServerWatch } from '../../../src/page/view/server-watch.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { manualPace } from '../../postgres/look/manual-pace.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startProxy } from '../../support/tcp-proxy.ts'

const db = useDatabase()

function watchOf(url = db.url) {
  const pace = manualPace()
  const watch = new ServerWatch({
    connect: () => connectControl({ url, env: {}, connectMillis: 5_000 }),
    queryText: 'redacted',
    pace,
  })
  onTestFinished(() => watch.close())
  const view = (items: PageItems = new Map()): PageServer => {
    watch.addTo(items)
    return items.get('server')?.get('server') as PageServer
  }
  return { watch, pace, view }
}

describe("the page's view of the server", () => {
  it('has who blocks whom, with the line of a checkout of the pools on the page', async () => {
    const holder = await openSession(db, 'holder')
    await holder.run('CREATE TABLE seen (id int)')
    await holder.run('BEGIN; LOCK TABLE seen')
    const waiter = await openSession(db, 'waiter')
    const { outcome } = await waiter.waitsFor("SELECT * FROM seen WHERE 'a secret' <> ''")
    const { pace, view } = watchOf()
    const items = () => {
      const made: PageItems = new Map()
      addItem(made, 'checkouts', '1', {
        ...{ id: '1', pool: 'main', pid: holder.pid, requestedAt: 0, queued: false, acquiredAt: Date.now() },
        ...{ place: 'src/orders.ts:31', route: 'GET /orders/:id', transactions: [] },
        now: { transaction: 'open', queryCount: 1, phase: 'out' },
      })
      return made
    }
    const report = await eventually(async () => {
      const seen = view(items()).report
      if (pace.isPausing()) await pace.step()
      expect(seen?.roots).toEqual([`pid ${holder.pid}`])
      return seen
    })
    expect(report?.blocking).toMatchObject([
      { id: `pid ${holder.pid}`, session: { origin: { text: 'src/orders.ts:31 GET /orders/:id' } } },
      { id: `pid ${waiter.pid}`, session: { query: 'SELECT * FROM seen WHERE ? <> ?' } },
    ])
    expect(report?.safetyNets.length).toBeGreaterThan(0)
    await holder.run('ROLLBACK')
    expect(await outcome).toBeUndefined()
  })

  it('ends its connection when nobody looks any more', async () => {
    const { pace, view } = watchOf()
    await eventually(() => expect(view().report).toBeDefined())
    for (let at = 0; at < 5; at += 1) await pace.step()
    await eventually(async () => {
      expect((await db.sessions()).filter((one) => one.application_name === 'pg-lifeguard')).toEqual([])
    })
  })

  it('shows the last view and the reason while the server is away, and goes on when it is back', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    const { pace, view } = watchOf(proxy.url(db.url))
    await eventually(() => expect(view().report).toBeDefined())
    await proxy[Symbol.asyncDispose]()
    await eventually(async () => {
      const seen = view()
      if (pace.isPausing()) await pace.step()
      expect(seen.lost).toBeDefined()
      expect(seen.report).toBeDefined()
    })
  })
})
