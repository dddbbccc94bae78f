import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CurrentScope } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'
import { checkoutsFile, type Held, type Way, ways } from './checkouts.ts'
import { deferred } from './deferred.ts'
import { type Host, hosts, listen } from './hosts.ts'
import { type Life, lives } from './lives.ts'
import { connectPeer } from './peer.ts'

/** Every life, with every way to a client: once forgotten, once released. */
export function describeLives(name: keyof typeof hosts, through: Readonly<Record<string, Way>> = ways): void {
  const db = useDatabase()
  const host = hosts[name]
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  beforeAll(() => {
    process.on('warning', note)
  })
  afterAll(() => {
    process.off('warning', note)
  })

  describe.each(Object.entries(through))(`${name}, with a %s`, (_way, way) => {
    it.each(lives)('finds the client of a request that $name, and frees its slot', async (life) => {
      const guarded = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
      const { held, scope } = await live(host, way, life, guarded, true)

      guarded.clock.advance(900)
      expect(guarded.findings).toEqual([])
      guarded.clock.advance(350)
      const finding = await guarded.found('outlived-scope')
      expect(finding).toMatchObject({
        certainty: 'certain',
        outcome: 'destroyed',
        scope: { kind: 'request', name: life.route ?? 'GET /lives/:id', ending: life.ending },
        origin: { file: checkoutsFile, line: held.line },
      })
      expect(guarded.kinds()).toEqual(['outlived-scope'])
      expect(scope.sessions().map(({ phase }) => phase)).not.toContain('out')

      const next = await guarded.pool.connect()
      next.release()
      expect(guarded.pool.totalCount).toBe(1)
    })

    it.each(lives)('finds nothing in the correct twin of a request that $name', async (life) => {
      const guarded = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
      await live(host, way, life, guarded, false)

      for (let second = 0; second < 60; second += 1) guarded.clock.advance(1_000)
      await guarded.lifeguard.close()
      expect(guarded.findings).toEqual([])
      expect([guarded.pool.totalCount, guarded.pool.idleCount]).toEqual([1, 1])
    })
  })

  it(`${name} did all this without a warning`, () => {
    expect(warnings).toEqual([])
  })
}

/** Lives a request through to the end of its scope, and of its handler. */
async function live(host: Host, way: Way, life: Life, { pool, lifeguard }: GuardedPool, leaks: boolean) {
  let scope: CurrentScope | undefined
  let held: Held | undefined
  const holding = deferred()
  const served = deferred()

  const server = await host(
    lifeguard,
    (exchange) => {
      if (exchange.id === 'other') {
        if (life.serveOther === undefined) exchange.response.end('other')
        else life.serveOther(exchange)
        return
      }
      scope = lifeguard.currentScope()
      const hold = async () => {
        held = await way(pool)
        holding.resolve()
      }
      life
        .serve(exchange, hold)
        .finally(() => (leaks ? undefined : held?.release()))
        .then(served.resolve, served.reject)
    },
    life.server ?? {},
  )
  const peer = await connectPeer(await listen(server))
  await Promise.all([life.visit(peer, holding.promise), holding.promise, served.promise])
  if (scope === undefined || held === undefined) throw new Error('the request has no scope, or no client')
  const open = scope
  await eventually(() => expect(open.describe().ending).toBe(life.ending))
  return { held, scope: open }
}
