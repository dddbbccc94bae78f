import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/index.ts'
import { lookAt } from '../../src/service/service-look.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const url = 'http://app/lifeguard'

function serviceOf(answer: unknown, workingDirectory?: string) {
  return { url, workingDirectory, pages: [], ask: async () => JSON.parse(JSON.stringify(answer)) as unknown }
}

/** A client that is out in a transaction for too long, and a caller that waits for it. */
async function busySnapshot(): Promise<Snapshot> {
  const { pool, lifeguard, clock } = guardedPool({ ...db.config, max: 1 })
  const scope = lifeguard.openScope({ kind: 'request', name: 'GET /x' })
  await scope.run(async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    pool.connect().catch(() => {})
  })
  clock.advance(60_000)
  const snapshot = lifeguard.snapshot()
  scope.end()
  return snapshot
}

describe('a look at a service', () => {
  it('shows what its lifeguard knows, with the files as they are named here', async () => {
    const snapshot = await busySnapshot()
    const { takenAt, pools, checkouts, findings } = snapshot
    expect(checkouts.map(({ phase }) => phase)).toEqual(['out', 'waiting'])
    expect(findings.some(({ holders }) => holders?.[0]?.origin?.file === import.meta.filename)).toBe(true)
    const there = JSON.parse(JSON.stringify(snapshot).replaceAll(process.cwd(), '/srv/app')) as unknown
    const look = await lookAt(serviceOf(there, '/srv/app'))
    expect(look).toEqual(JSON.parse(JSON.stringify({ takenAt, pools, checkouts, findings })))
  })

  it('leaves the files alone that are not below the working directory, or if that is unknown', async () => {
    const there = JSON.parse(JSON.stringify(await busySnapshot()).replaceAll(process.cwd(), '/srv/app'))
    for (const directory of [undefined, '/srv/application', '/srv/ap']) {
      const { checkouts } = await lookAt(serviceOf(there, directory))
      expect(checkouts[0]?.origin?.file).toBe('/srv/app/test/service/service-look.test.ts')
    }
  })

  it('takes what a later version adds', async () => {
    const snapshot = await busySnapshot()
    const later = { ...snapshot, news: 1, pools: snapshot.pools.map((pool) => ({ ...pool, news: null })) }
    expect((await lookAt(serviceOf(later))).checkouts).toHaveLength(2)
  })

  it('concludes nothing from an answer that is not understood in each of its parts', async () => {
    const { takenAt, pools, checkouts, findings } = await busySnapshot()
    const whole = { takenAt, pools, checkouts, findings }
    const [pool, checkout, finding] = [pools[0], checkouts[0], findings[0]]
    const { frames: _, ...frameless } = checkout?.origin ?? { frames: [] }
    const wrong: unknown[] = [
      null,
      [],
      { ...whole, takenAt: '2026' },
      { ...whole, pools: { main: pool } },
      { ...whole, pools: [{ ...pool, waiting: undefined }] },
      { ...whole, pools: [{ ...pool, idle: '7' }] },
      { ...whole, checkouts: undefined },
      { ...whole, checkouts: [{ ...checkout, heldMillis: '7' }] },
      { ...whole, checkouts: [{ ...checkout, pool: undefined }] },
      { ...whole, checkouts: [{ ...checkout, origin: frameless }] },
      { ...whole, findings: [{ ...finding, checkout: null }] },
      { ...whole, findings: [{ ...finding, left: [1] }] },
      { ...whole, findings: [{ ...finding, holders: [{ via: 'connect', origin: {} }] }] },
    ]
    expect(await lookAt(serviceOf(whole))).toBeDefined()
    for (const answer of wrong) {
      await expect(lookAt(serviceOf(answer)), JSON.stringify(answer)).rejects.toMatchObject({
        code: 'LIFEGUARD_CONNECTION',
        message: `${url}/snapshot: this is not a snapshot that this version of pg-lifeguard understands`,
      })
    }
  })
})
