import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../src/index.ts'
import { askService } from '../../src/service/ask-service.ts'
import { verdictOfService } from '../../src/service/service-verdict.ts'
import {
  LeakCheckError,
  LeakError,
  type VerifyServiceOptions,
  verifyService,
} from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, socketOf } from '../support/guarded-pool.ts'
import { blindService, guardedService, pretendedService } from './guarded-service.ts'

const db = useDatabase()
const quick = { settleMillis: 30 }
const routes = relative(process.cwd(), import.meta.filename).replace('verify-service.test', 'guarded-service')

async function leakOf(app: string, options: VerifyServiceOptions = quick): Promise<LeakError> {
  const error = await verifyService(app, options).catch((reason: unknown) => reason)
  if (!(error instanceof LeakError)) throw new Error('no leak was told', { cause: error })
  return error
}

/** What an application has left behind, and the pauses that were made before it was said. */
async function judged(app: string) {
  const pauses: number[] = []
  const service = await askService(app, { token: undefined, tokenName: 'token' })
  const { leaks } = await verdictOfService(service, {
    isIgnored: () => false,
    settleMillis: 500,
    withinMillis: undefined,
    pause: async (millis) => pauses.push(millis),
  })
  return { leaks, pauses }
}

describe('verifyService', () => {
  it('passes a service that has given everything back', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/clean')
    await verifyService(app, quick)
    await verifyService(new URL(app), quick)
  })

  it('fails for a session that is still out, with its line, its source and its request', async () => {
    const { app, visit, guarded } = await guardedService(db)
    await visit('/forgets')
    const { message, findings } = await leakOf(app)
    expect(findings).toMatchObject([
      { kind: 'outlived-scope', pool: 'main', scope: { name: 'GET /forgets' }, checkout: { queryCount: 1 } },
    ])
    expect(message).toMatch(/still checked out after a wait of 30 ms: release was not reached/)
    expect(message).toMatch(new RegExp(`checked out at ${routes}:\\d+:\\d+`))
    expect(message).toMatch(/> \d+ \| +const client = await pool\.connect\(\)/)
    // It was only asked.
    expect(guarded.lifeguard.snapshot().checkouts).toHaveLength(1)
  })

  it('fails for what was found while it ran, and is long over', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/dirty')
    expect((await leakOf(app)).findings).toMatchObject([{ kind: 'dirty-release', certainty: 'certain' }])
  })

  it('tells a session that outlived its request once, in the words of the lifeguard', async () => {
    const { app, visit, guarded } = await guardedService(db)
    await visit('/forgets')
    await guarded.found('outlived-scope')
    const { findings } = await leakOf(app)
    expect(findings).toHaveLength(1)
    expect(findings[0]?.hint).toBe(guarded.findings[0]?.hint)
  })

  it('waits for a session that comes back', async () => {
    const { app, hold, release } = await guardedService(db)
    await hold('/late')
    const verified = verifyService(app, { settleMillis: 20_000 })
    setTimeout(release, 50)
    await verified
  })

  it('leaves alone what is exempted, and does not wait for it', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/listens')
    const { leaks, pauses } = await judged(app)
    expect({ leaks, pauses }).toEqual({ leaks: [], pauses: [] })
  })

  it('asks again with growing pauses, and no longer than it may', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    const { leaks, pauses } = await judged(app)
    expect(leaks).toHaveLength(1)
    expect(pauses).toEqual([20, 40, 80, 160, 200])
  })

  it.each([
    ['kind', { kind: 'outlived-scope' as const }],
    ['origin', { origin: 'guarded-service.ts' }],
    ['scope', { scope: 'GET /forgets' }],
    ['reason', { reason: /still checked out/ }],
  ])('leaves alone what is ignored by %s, and tells the rest', async (_by, rule) => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    await verifyService(app, { ...quick, ignore: [rule] })
    await leakOf(app, { ...quick, ignore: [{ ...rule, kind: 'dirty-release' }] })
  })

  it('tells nothing of what was so before the time that it is asked for', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    await visit('/dirty')
    await pause(20)
    await verifyService(app, { ...quick, withinMillis: 10 })
    expect((await leakOf(app, { ...quick, withinMillis: 60_000 })).findings).toHaveLength(2)
  })

  it('shows the token', async () => {
    const { app } = await guardedService(db, { token: 'open sesame' })
    await verifyService(app, { ...quick, token: 'open sesame' })
    await expect(verifyService(app, { ...quick, token: 'abracadabra' })).rejects.toThrow(
      /refused \(401\); give its token with the option token/,
    )
    await expect(verifyService(app)).rejects.toThrow(/refused \(401\)/)
  })

  it('finds the source here of a service that runs in another folder', async () => {
    const { app, visit, guarded } = await guardedService(db)
    await visit('/forgets')
    const elsewhere = JSON.stringify(guarded.lifeguard.snapshot()).replaceAll(process.cwd(), '/srv/app')
    const pretended = await pretendedService({
      '': { service: 'pg-lifeguard', workingDirectory: '/srv/app' },
      snapshot: JSON.parse(elsewhere),
    })
    expect(elsewhere).toContain('/srv/app/test/')
    const { message, findings } = await leakOf(pretended)
    expect(message).toMatch(/> \d+ \| +const client = await pool\.connect\(\)/)
    expect(findings[0]?.origin?.file).toBe(
      import.meta.filename.replace('verify-service.test', 'guarded-service'),
    )
    await leakOf(app)
  })
})

describe('a service of which nothing can be said', () => {
  it('fails: its lifeguard watches no pool', async () => {
    const verified = verifyService(await blindService(), quick)
    await expect(verified).rejects.toThrow(LeakCheckError)
    await expect(verified).rejects.toThrow(/watches no pool, so it sees nothing/)
  })

  it('fails: a client was out before its pool was watched', async () => {
    const { pool, lifeguard } = guardedPool(db.config)
    await lifeguard.close()
    const client = await pool.connect()
    onTestFinished(() => void socketOf(client).destroy())
    const late = createLifeguard({ reporters: [] })
    onTestFinished(() => late.close())
    late.watch(pool, { name: 'main' })
    const pretended = await pretendedService({ '': { service: 'pg-lifeguard' }, snapshot: late.snapshot() })
    await expect(verifyService(pretended, quick)).rejects.toThrow(
      /pool main: 1 client is in use that its lifeguard cannot see/,
    )
    client.release()
  })

  it('passes all the same while pool.query is at work, if it comes to an end', async () => {
    const { app, guarded } = await guardedService(db)
    const statement = guarded.pool.query('SELECT pg_sleep(0.2)')
    await eventually(() => expect(guarded.lifeguard.snapshot().pools[0]).toMatchObject({ total: 1, idle: 0 }))
    await verifyService(app, { settleMillis: 20_000 })
    await statement
  })

  it('fails: it has had more findings than it keeps', async () => {
    const { app, visit, guarded } = await guardedService(db)
    await visit('/dirty')
    const snapshot = JSON.parse(JSON.stringify(guarded.lifeguard.snapshot()))
    const [finding] = snapshot.findings
    // Suspicions that have cleared, and have pushed out what was certain.
    snapshot.findings = Array.from({ length: 200 }, (_, index) => ({
      ...finding,
      ...{ id: `f${index}`, certainty: 'suspected', resolvedAt: snapshot.takenAt - index },
    }))
    const pretended = await pretendedService({ '': { service: 'pg-lifeguard' }, snapshot })
    await expect(verifyService(pretended, quick)).rejects.toThrow(/has had more: some may be missing/)
    await verifyService(pretended, { ...quick, withinMillis: 100 })
    await leakOf(app)
  })

  it('fails: nobody answers, or not a lifeguard, or with another idea of a snapshot', async () => {
    const refused = { code: 'LIFEGUARD_CONNECTION' }
    await expect(verifyService('http://127.0.0.1:9/lifeguard')).rejects.toMatchObject(refused)
    await expect(verifyService(await pretendedService({ '': {} }))).rejects.toThrow(
      /there is no lifeguard here/,
    )
    const index = { service: 'pg-lifeguard' }
    const { guarded, visit } = await guardedService(db)
    await visit('/forgets')
    const snapshot = JSON.parse(JSON.stringify(guarded.lifeguard.snapshot()))
    const [checkout] = snapshot.checkouts
    for (const broken of [
      null,
      {},
      { ...snapshot, pools: [{ name: 'main' }] },
      { ...snapshot, findings: [{ kind: 'long-hold' }] },
      { ...snapshot, checkouts: [{ ...checkout, origin: { file: 1 } }] },
      { ...snapshot, checkouts: [{ ...checkout, heldMillis: null }] },
    ]) {
      const pretended = await pretendedService({ '': index, snapshot: broken })
      await expect(verifyService(pretended)).rejects.toThrow(/this is not a snapshot that this version/)
    }
  })

  it('fails: the service goes away while it is asked', async () => {
    const { app, visit } = await guardedService(db)
    await visit('/forgets')
    const service = await askService(app, { token: undefined, tokenName: 'token' })
    const gone = { ...service, ask: (await askGone()).ask }
    let asked = 0
    const flaky = { ...service, ask: (page: 'snapshot') => (asked++ === 0 ? service : gone).ask(page) }
    const question = { isIgnored: () => false, settleMillis: 100, withinMillis: undefined, pause }
    await expect(verdictOfService(flaky as typeof service, question)).rejects.toThrow(/answered 404/)
  })
})

async function askGone() {
  const app = await pretendedService({ '': { service: 'pg-lifeguard' } })
  return askService(app, { token: undefined, tokenName: 'token' })
}

it.each([
  ['ftp://127.0.0.1/lifeguard', {}, 'verifyService(url)'],
  ['lifeguard', {}, 'verifyService(url)'],
  ['http://127.0.0.1', { tokn: '' }, 'tokn'],
  ['http://127.0.0.1', { token: ' ' }, 'token'],
  ['http://127.0.0.1', { withinMillis: 0 }, 'withinMillis'],
  ['http://127.0.0.1', { settleMillis: -1 }, 'settleMillis'],
  ['http://127.0.0.1', { ignore: [{}] }, 'ignore[0]'],
])('refuses %s with %j', async (url, options, option) => {
  await expect(verifyService(url, options as VerifyServiceOptions)).rejects.toMatchObject({ option })
})
