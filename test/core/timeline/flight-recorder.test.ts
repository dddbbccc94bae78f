import { describe, expect, it } from 'vitest'
import { Scope } from '../../../src/core/scope.ts'
import { FlightRecorder } from '../../../src/core/timeline/flight-recorder.ts'
import { type Posture, pretendedPool } from '../pretended-pool.ts'

/** A recorder over a pool in a real ledger, with clients that only pretend. */
function recording(limits = { keepMillis: 60_000, keepCheckouts: 100 }) {
  const made = pretendedPool()
  const recorder = new FlightRecorder(made.ledger, limits)
  made.ledger.observe(recorder)
  made.ledger.recorder = recorder
  const hold = (millis: number, place = '/app/users.ts:12:3', posture: Posture = {}) => {
    const checkout = made.checkOut(place, posture)
    made.clock.advance(millis)
    made.ledger.closed(checkout, false)
    return checkout
  }
  const main = () => {
    const [pool] = recorder.data().pools
    if (pool === undefined) throw new Error('nothing was recorded')
    return pool
  }
  return {
    ...made,
    recorder,
    hold,
    main,
    epoch: (now: number) => made.clock.epochMillis() - made.clock.now() + now,
  }
}

describe('a recording', () => {
  it('has a checkout with its times, line and scope, after its release', () => {
    const { hold, main, epoch } = recording()
    const scope = new Scope({ kind: 'request', name: 'GET /users/:id', id: '7' }, undefined)
    const { id } = hold(250, '/app/users.ts:12:3', { pid: 4711, scope })
    expect(main().checkouts).toEqual([
      {
        ...{ id, pid: 4711, slot: 0, queued: false, transactions: [], findings: [] },
        ...{ requestedAt: epoch(0), acquiredAt: epoch(0), endedAt: epoch(250) },
        origin: { file: '/app/users.ts', line: 12, column: 3, functionName: 'load' },
        scope: { kind: 'request', name: 'GET /users/:id', id: '7' },
      },
    ])
  })

  it('has one that is out, without an end, and one that waits, without a client', () => {
    const { checkOut, wait, main, clock } = recording()
    checkOut('/app/one.ts:1:1')
    wait('/app/two.ts:2:2')
    clock.advance(500)
    const [out, waiting] = main().checkouts
    expect(out).toMatchObject({ slot: 0, acquiredAt: expect.any(Number), origin: { file: '/app/one.ts' } })
    expect(out).not.toHaveProperty('endedAt')
    expect(waiting).toMatchObject({ queued: true, origin: { file: '/app/two.ts' } })
    expect(waiting).not.toHaveProperty('acquiredAt')
    expect(waiting).not.toHaveProperty('slot')
  })

  it('has a wait that ended without a client', () => {
    const { ledger, wait, main, clock } = recording()
    const checkout = wait('/app/two.ts:2:2')
    clock.advance(3_000)
    ledger.withdrawn(checkout, 'gave up')
    expect(main().checkouts).toMatchObject([{ id: checkout.id, ending: 'gave up' }])
    expect(main().checkouts[0]).not.toHaveProperty('acquiredAt')
  })

  it('puts checkouts that overlap into lanes of their own', () => {
    const { checkOut, hold, ledger, clock, main, recorder } = recording()
    const long = checkOut('/app/leak.ts:1:1')
    clock.advance(1_000)
    recorder.tick()
    hold(200)
    hold(200)
    ledger.closed(long, false)
    expect(main().checkouts.map(({ slot }) => slot)).toEqual([1, 1, 0])
  })

  it('has transactions that took 50 ms or longer, and one that is open', () => {
    const { checkOut, ledger, recorder, clock, main, epoch } = recording()
    const checkout = checkOut('/app/a.ts:1:1')
    clock.advance(100)
    recorder.transactionEnded(checkout, 10, 100)
    recorder.transactionEnded(checkout, 99, 100)
    expect(main().checkouts[0]?.transactions).toEqual([{ startedAt: epoch(10), endedAt: epoch(100) }])
    ledger.closed(checkout, false)
    expect(main().checkouts[0]?.transactions).toHaveLength(1)
    checkOut('/app/b.ts:1:1', { transaction: 'open', transactionSince: 100 })
    clock.advance(200)
    expect(main().checkouts[1]?.transactions).toEqual([{ startedAt: epoch(100) }])
  })

  it('ends an open transaction with its checkout', () => {
    const { hold, main, epoch } = recording()
    hold(400, '/app/a.ts:1:1', { transaction: 'open' })
    expect(main().checkouts[0]?.transactions).toEqual([{ startedAt: epoch(0), endedAt: epoch(400) }])
  })

  it('names the findings about a checkout', () => {
    const { checkOut, open, main } = recording()
    open(checkOut('/app/a.ts:1:1'), 'idle-transaction')
    expect(main().checkouts[0]?.findings).toMatchObject([
      { kind: 'idle-transaction', certainty: 'suspected' },
    ])
  })

  it('keeps every long checkout and a sample of the short ones, which it counts', () => {
    const { hold, main } = recording({ keepMillis: 60_000, keepCheckouts: 5_000 })
    for (let at = 0; at < 2_000; at += 1) hold(at % 100 === 0 ? 150 : 0)
    const { checkouts, omitted } = main()
    expect(checkouts.filter(({ acquiredAt = 0, endedAt = 0 }) => endedAt - acquiredAt >= 100)).toHaveLength(
      20,
    )
    expect(omitted).toBeGreaterThan(0)
    expect(checkouts.length + omitted).toBe(2_000)
  })

  it('forgets what is older than its limit, and the oldest beyond its number', () => {
    const { hold, main, recorder, clock } = recording({ keepMillis: 10_000, keepCheckouts: 3 })
    for (let at = 0; at < 5; at += 1) hold(200)
    expect(main().checkouts).toHaveLength(3)
    clock.advance(11_000)
    recorder.tick()
    expect(main().checkouts).toEqual([])
  })

  it('notes each second how much of a pool is in use', () => {
    const { checkOut, wait, recorder, main, clock } = recording({ keepMillis: 3_000, keepCheckouts: 10 })
    checkOut()
    wait()
    for (let at = 0; at < 5; at += 1) {
      clock.advance(1_000)
      recorder.tick()
    }
    const { levels, max } = main()
    expect(max).toBe(10)
    expect(levels).toHaveLength(3)
    expect(levels[0]).toMatchObject({ out: 1, used: 10, waiting: 1 })
  })

  it('keeps nothing of a pool that is no longer watched', () => {
    const { ledger, pool, checkOut, recorder, clock } = recording()
    const checkout = checkOut('/app/a.ts:1:1')
    clock.advance(1_000)
    recorder.tick()
    ledger.dismiss(checkout)
    ledger.pools.delete(pool)
    recorder.tick()
    expect(recorder.read()).toEqual([])
  })

  it('has what has ended since a sequence number', () => {
    const { hold, recorder } = recording()
    hold(200)
    const { next } = recorder
    const { id } = hold(200)
    expect(recorder.read(next).flatMap(({ ended }) => ended)).toMatchObject([{ id }])
  })

  it('is frozen', () => {
    const { hold, recorder } = recording()
    hold(200)
    const { pools } = recorder.data()
    expect(Object.isFrozen(pools[0]?.checkouts[0]?.transactions)).toBe(true)
  })
})
