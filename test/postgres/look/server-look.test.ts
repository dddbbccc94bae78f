import { describe, expect, it } from 'vitest'
import { connectControl } from '../../../src/postgres/index.ts'
import { type ServerLookHost, serverLook } from '../../../src/postgres/look/server-look.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startProxy } from '../../support/tcp-proxy.ts'
import { manualPace } from './manual-pace.ts'

const db = useDatabase()

/** A look whose time passes when the test says so. */
async function startLook(url = db.url, more: Partial<ServerLookHost> = {}) {
  const connect = () => connectControl({ url, env: {}, connectMillis: 5_000 })
  const events: string[] = []
  let now = 0
  const look = serverLook({
    control: await connect(),
    connect,
    pace: { ...manualPace(), now: () => now },
    pauses: { first: 1_000, most: 4_000 },
    onLost: () => events.push('lost'),
    onBack: (millis) => events.push(`back after ${millis}`),
    ...more,
  })
  return {
    ...look,
    [Symbol.asyncDispose]: () => look[Symbol.asyncDispose](),
    events,
    advance(millis: number) {
      now += millis
    },
  }
}

describe('a look at the server', () => {
  it('reports a lost connection once, asks again after growing pauses, and reports when it is back', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    await using look = await startLook(proxy.url(db.url))
    expect((await look.look())?.snapshot.server.database).toBe(db.name)
    const { port } = proxy
    await proxy.close()

    for (const pause of [1_000, 2_000, 4_000, 4_000]) {
      expect(await look.look()).toBeUndefined()
      expect(look.pauseMillis()).toBe(pause)
      look.advance(pause)
    }
    expect(look.events).toEqual(['lost'])
    expect(look.lostMillis()).toBe(11_000)

    await using _again = await startProxy(db.config.port, db.config.host, port)
    expect((await look.look())?.snapshot.server.database).toBe(db.name)
    expect(look.events).toEqual(['lost', 'back after 11000'])
    expect([look.lostMillis(), look.pauseMillis()]).toEqual([undefined, 0])
  })

  it('does not connect again before the pause is over', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    let connects = 0
    await using look = await startLook(proxy.url(db.url), {
      connect() {
        connects += 1
        return connectControl({ url: db.url, env: {} })
      },
    })
    await proxy.close()
    expect(await look.look()).toBeUndefined()
    look.advance(999)
    expect(await look.look()).toBeUndefined()
    expect(connects).toBe(0)
    look.advance(1)
    expect(await look.look()).toBeDefined()
    expect(connects).toBe(1)
  })

  it('keeps the connection when the server refuses one statement', async () => {
    await using look = await startLook()
    const pid = (await look.look())?.control.pid
    expect(await look.ask((control) => control.query('SELECT nonsense'))).toBeUndefined()
    expect(look.events).toEqual(['lost'])
    const sight = await look.look()
    expect(sight?.control.pid).toBe(pid)
    expect(look.events).toEqual(['lost', 'back after 0'])
  })

  it('throws what is a mistake of its caller', async () => {
    await using look = await startLook()
    const mistake = new TypeError('a mistake')
    await expect(look.ask(() => Promise.reject(mistake))).rejects.toBe(mistake)
  })

  it('closes a connection that is opened after its end', async () => {
    await using proxy = await startProxy(db.config.port, db.config.host)
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const late = await connectControl({ url: db.url, env: {} })
    const look = await startLook(proxy.url(db.url), {
      connect: async () => {
        await opened
        return late
      },
    })
    await proxy.close()
    await look.look()
    look.advance(1_000)
    const looking = look.look()
    await look[Symbol.asyncDispose]()
    open()
    expect(await looking).toBeUndefined()
    await eventually(async () => {
      const { rows } = await db.query('SELECT FROM pg_stat_activity WHERE pid = $1', [late.pid])
      expect(rows).toEqual([])
    })
  })
})
