import { describe, expect, it } from 'vitest'
import type { CheckoutSnapshot, Finding, PoolSnapshot } from '../../src/index.ts'
import type { ServiceLook } from '../../src/service/service-look.ts'
import { type ServiceQuestion, verdictOfService } from '../../src/service/service-verdict.ts'

const pool: PoolSnapshot = { name: 'main', total: 2, idle: 2, waiting: 0, out: 0, max: 2, ending: false }
const quiet: ServiceLook = { takenAt: 100_000, pools: [pool], checkouts: [], findings: [] }

const checkout: CheckoutSnapshot = {
  id: 7,
  pool: 'main',
  via: 'connect',
  phase: 'out',
  requestedAt: 90_000,
  acquiredAt: 90_000,
  waitedMillis: 0,
  heldMillis: 10_000,
  transaction: 'idle',
  transactionMillis: 0,
  idleMillis: 10_000,
  queryCount: 0,
  busyMillis: 0,
}

const finding: Finding = {
  id: 'finding 1',
  kind: 'outlived-scope',
  certainty: 'certain',
  pool: 'main',
  checkout,
  hint: 'release was not reached',
  remedy: 'report',
  fingerprint: 'outlived-scope main',
  occurrences: 1,
  docs: 'docs/findings.md#outlived-scope',
  openedAt: 95_000,
}

const out = (...checkouts: CheckoutSnapshot[]): ServiceLook => ({
  ...quiet,
  pools: [{ ...pool, idle: 2 - checkouts.length, out: checkouts.length }],
  checkouts,
})

const unseen = (clients: number): ServiceLook => ({ ...quiet, pools: [{ ...pool, idle: 2 - clients }] })

/** Of a service that shows itself like this, one look after the other and then the last one again and again. */
async function verdictOf(looks: ServiceLook[], question: Partial<ServiceQuestion> = {}) {
  const pauses: number[] = []
  let asked = 0
  const service = {
    url: 'http://app/lifeguard',
    workingDirectory: undefined,
    pages: [],
    ask: async () => looks[Math.min(asked++, looks.length - 1)],
  }
  const verdict = await verdictOfService(service, {
    isIgnored: () => false,
    settleMillis: 100,
    withinMillis: undefined,
    pause: async (millis) => pauses.push(millis),
    ...question,
  })
  return { ...verdict, pauses, ids: verdict.leaks.map(({ id }) => id) }
}

describe('the wait for what is out', () => {
  it('has growing pauses, and no more of them than the time to settle', async () => {
    const { pauses, leaks } = await verdictOf([out(checkout)])
    expect(pauses).toEqual([20, 40, 40])
    expect(leaks).toMatchObject([
      {
        kind: 'outlived-scope',
        certainty: 'certain',
        pool: 'main',
        checkout: { id: 7 },
        hint: 'still checked out after a wait of 100 ms: release was not reached, or its work is still running',
      },
    ])
  })

  it('is over as soon as everything is back, and not begun if nothing is out', async () => {
    expect(await verdictOf([out(checkout), out(checkout), quiet])).toMatchObject({
      leaks: [],
      blindness: undefined,
      pauses: [20, 40],
    })
    expect(await verdictOf([quiet])).toMatchObject({ leaks: [], blindness: undefined, pauses: [] })
  })

  it('never pauses for longer than a second', async () => {
    const { pauses } = await verdictOf([out(checkout)], { settleMillis: 5_000 })
    expect(Math.max(...pauses)).toBe(1_000)
    expect(pauses.reduce((sum, millis) => sum + millis, 0)).toBe(5_000)
  })

  it('is for callers that wait, too, who are no leak themselves', async () => {
    const { acquiredAt: _, ...asked } = checkout
    const { pauses, leaks } = await verdictOf([{ ...quiet, checkouts: [{ ...asked, phase: 'waiting' }] }])
    expect(pauses).toHaveLength(3)
    expect(leaks).toEqual([])
  })
})

describe('the leaks of a service', () => {
  it('name a checkout once, by its finding if there is one', async () => {
    const other = { ...checkout, id: 8 }
    const { ids } = await verdictOf([{ ...out(checkout, other), findings: [finding] }])
    expect(ids).toEqual(['finding 1', 'checkout 8'])
  })

  it('are without what is suspected, killed, exempt or ignored', async () => {
    const findings: Finding[] = [
      { ...finding, id: 'suspected', kind: 'long-hold', certainty: 'suspected' },
      { ...finding, id: 'killed', kind: 'session-killed' },
    ]
    const exempt = { ...checkout, exemption: 'listens for jobs' }
    expect(await verdictOf([{ ...out(exempt), findings }])).toMatchObject({ leaks: [], pauses: [] })
    // The finding is the answer to its checkout, also where it is ignored.
    const isIgnored = ({ id }: Finding) => id === 'finding 1'
    expect(await verdictOf([{ ...out(checkout), findings: [finding] }], { isIgnored })).toMatchObject({
      leaks: [],
    })
  })

  it('are those since the time in question, by the clock of the service', async () => {
    const look = {
      ...out(checkout),
      findings: [{ ...finding, id: 'finding 2', checkout: { ...checkout, id: 3 } }],
    }
    const later = { ...look, takenAt: 200_000 }
    expect((await verdictOf([look, later], { withinMillis: 10_000 })).ids).toEqual([
      'finding 2',
      'checkout 7',
    ])
    expect((await verdictOf([look, later], { withinMillis: 9_000 })).ids).toEqual(['finding 2'])
    expect((await verdictOf([look, later], { withinMillis: 4_000 })).ids).toEqual([])
  })
})

describe('the blindness of a service', () => {
  it('is that of a lifeguard without a pool', async () => {
    expect((await verdictOf([{ ...quiet, pools: [] }])).blindness).toMatch(/watches no pool/)
  })

  it('is about clients in use that are never seen, but not about statements that come and go', async () => {
    const { blindness, pauses } = await verdictOf([unseen(2), unseen(1)])
    expect(blindness).toMatch(/^pool main: 1 client is in use that its lifeguard cannot see/)
    expect(pauses).toEqual([20, 40, 40])
    expect(await verdictOf([unseen(2), quiet, unseen(2)])).toMatchObject({
      blindness: undefined,
      pauses: [20],
    })
  })

  it('is about findings that may be lost, unless one of those kept is older than the time in question', async () => {
    const resolved = Array.from({ length: 200 }, (_, index): Finding => {
      return { ...finding, id: `finding ${index}`, certainty: 'suspected', resolvedAt: 99_000 + index }
    })
    const look = { ...quiet, findings: resolved }
    expect((await verdictOf([look], { withinMillis: 2_000 })).blindness).toMatch(/only its last 200 findings/)
    expect((await verdictOf([look], { withinMillis: 999 })).blindness).toBeUndefined()
    expect((await verdictOf([{ ...quiet, findings: resolved.slice(1) }])).blindness).toBeUndefined()
  })
})
