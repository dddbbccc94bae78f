import { describe, expect, it } from 'vitest'
import { openBooks } from './books.ts'

describe('a checkout', () => {
  it('is among those who wait, then among those who are out, then nowhere', () => {
    const { ledger, pool, wait, clock } = openBooks()
    const checkout = wait()
    expect([[...pool.waiters], [...pool.out]]).toEqual([[checkout], []])
    clock.advance(300)

    const control = openBooks().checkOut(undefined, { pid: 4711 }).control
    if (control === undefined) throw new Error('a client that is out has a control')
    ledger.acquired(checkout, control)
    expect([[...pool.waiters], [...pool.out]]).toEqual([[], [checkout]])
    expect(checkout).toMatchObject({ phase: 'out', pid: 4711, requestedAt: 0, acquiredAt: 300 })

    ledger.closed(checkout, false)
    expect([pool.waiters.size, pool.out.size, checkout.phase]).toEqual([0, 0, 'over'])
  })

  it('is announced when it is asked for, before anything else happens', () => {
    const { wait, checkOut, requests } = openBooks()
    wait()
    checkOut()
    expect(requests()).toBe(2)
  })

  it('has a number of its own', () => {
    const { checkOut } = openBooks()
    const ids = [checkOut(), checkOut(), checkOut()].map(({ id }) => id)
    expect(new Set(ids).size).toBe(3)
  })

  it('keeps nothing of the client and its statements once it is over', () => {
    const { ledger, checkOut } = openBooks()
    const checkout = checkOut()
    checkout.lastQuery = 'SELECT 1'
    checkout.queryStacks = [{ stack: 'Error' }]
    ledger.closed(checkout, false)
    expect(checkout).toMatchObject({ control: undefined, lastQuery: undefined, queryStacks: undefined })
  })

  it('that nobody got a client for waits no longer', () => {
    const { ledger, pool, wait, open, resolved } = openBooks()
    const checkout = wait()
    open(checkout, 'pool-exhausted')
    ledger.withdrawn(checkout, 'gave up')
    expect([pool.waiters.size, checkout.phase]).toEqual([0, 'over'])
    expect(resolved.map(({ resolution }) => resolution)).toEqual(['gave up after 0 ms'])
  })
})

describe('a finding', () => {
  it('is opened once per checkout and kind', () => {
    const { checkOut, open } = openBooks()
    const checkout = checkOut()
    expect(open(checkout, 'long-hold')).toBeDefined()
    expect(open(checkout, 'long-hold')).toBeUndefined()
    expect(open(checkout, 'idle-transaction')).toBeDefined()
    expect(open(checkOut(), 'long-hold')).toBeDefined()
  })

  it('does not come again after it has resolved', () => {
    const { ledger, checkOut, open } = openBooks()
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    ledger.resolve(checkout, () => true, { what: 'its transaction has ended' })
    expect(open(checkout, 'idle-transaction')).toBeUndefined()
  })

  it('has an id that no other one has', () => {
    const { checkOut, open } = openBooks()
    const ids = [open(checkOut())?.id, open(checkOut())?.id, open(checkOut(), 'dirty-release')?.id]
    expect(new Set(ids).size).toBe(3)
  })

  it('resolves when the client is released, and says after how long', () => {
    const { clock, ledger, checkOut, open, resolved } = openBooks()
    const checkout = checkOut('/app/users.ts:12:3')
    open(checkout)
    clock.advance(41_200)
    ledger.closed(checkout, false)
    expect(resolved).toMatchObject([
      { kind: 'long-hold', resolution: 'released after 41.2 s', resolvedAt: clock.epochMillis() },
    ])
    expect(ledger.openFindings(checkout)).toEqual([])
  })

  it.each(['dirty-release', 'busy-release'] as const)(
    'of the kind %s outlasts the release that it is about',
    (kind) => {
      const { ledger, checkOut, open, resolved } = openBooks()
      const checkout = checkOut()
      open(checkout, kind)
      open(checkout, 'long-hold')
      ledger.closed(checkout, false)
      expect(resolved.map((finding) => finding.kind)).toEqual(['long-hold'])
      expect(ledger.openFindings(checkout).map(({ evidence }) => evidence.kind)).toEqual([kind])
      ledger.resolve(checkout, () => true, { what: 'its transaction has ended' })
      expect(resolved.map((finding) => finding.kind)).toEqual(['long-hold', kind])
    },
  )

  it('resolves by kind', () => {
    const { ledger, checkOut, open, resolved } = openBooks()
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    open(checkout, 'long-hold')
    ledger.resolve(checkout, (kind) => kind === 'idle-transaction', { what: 'its transaction has ended' })
    expect(resolved.map(({ kind, resolution }) => [kind, resolution])).toEqual([
      ['idle-transaction', 'its transaction has ended'],
    ])
    expect(ledger.openFindings(checkout).map(({ evidence }) => evidence.kind)).toEqual(['long-hold'])
  })

  it('of a session that was destroyed stays open until its owner releases', () => {
    const { clock, ledger, pool, checkOut, open, resolved } = openBooks()
    const checkout = checkOut()
    open(checkout)
    ledger.destroyed(checkout)
    expect([pool.out.size, checkout.phase, resolved.length]).toEqual([0, 'destroyed', 0])
    clock.advance(90_000)
    ledger.releasedLate(checkout)
    expect(resolved.map(({ resolution }) => resolution)).toEqual(['released after 1 min 30 s'])
  })

  it('about a wait says nothing about the checkout that follows', () => {
    const { ledger, wait, open, resolved, checkOut } = openBooks()
    const checkout = wait()
    open(checkout, 'pool-exhausted')
    const { control } = checkOut()
    if (control === undefined) throw new Error('a client that is out has a control')
    ledger.acquired(checkout, control)
    expect(resolved.map(({ kind, resolution }) => [kind, resolution])).toEqual([
      ['pool-exhausted', 'got a client after 0 ms'],
    ])
    expect(open(checkout, 'long-hold')).toBeDefined()
  })

  it('resolves once, also if a listener that is told of one releases the client at once', () => {
    const books = openBooks('redacted', ({ evidence: { kind, checkout } }) => {
      if (kind === 'idle-transaction') books.ledger.closed(checkout, false)
    })
    const { ledger, checkOut, open, resolved } = books
    const checkout = checkOut()
    open(checkout, 'idle-transaction')
    open(checkout, 'long-hold')
    ledger.resolve(checkout, (kind) => kind === 'idle-transaction', { what: 'its transaction has ended' })
    expect(resolved.map(({ kind }) => kind)).toEqual(['idle-transaction', 'long-hold'])
    expect(ledger.openFindings(checkout)).toEqual([])
    expect(ledger.findings()).toHaveLength(2)
  })

  it('that is an event and no state is resolved from the start', () => {
    const { ledger, checkOut, open, resolved } = openBooks()
    const checkout = checkOut()
    open(checkout, 'double-release', true)
    expect(ledger.openFindings(checkout)).toEqual([])
    expect(ledger.findings()).toMatchObject([{ kind: 'double-release', resolution: expect.any(String) }])
    expect(resolved).toEqual([])
  })

  it('has the state of the checkout when it was found, not when it is read', () => {
    const { clock, ledger, checkOut, open } = openBooks()
    const checkout = checkOut('/app/users.ts:12:3', { transaction: 'open', pid: 7 })
    clock.advance(30_000)
    checkout.queryCount = 2
    checkout.lastQuery = "UPDATE t SET a = 'secret'"
    const record = open(checkout)
    clock.advance(30_000)
    checkout.queryCount = 9
    checkout.lastQuery = 'SELECT 1'
    ledger.closed(checkout, false)
    expect(record?.data().checkout).toMatchObject({
      pid: 7,
      phase: 'out',
      heldMillis: 30_000,
      transaction: 'open',
      queryCount: 2,
      lastQuery: 'UPDATE t SET a = ?',
    })
  })

  it('is frozen through and through', () => {
    const { checkOut, open } = openBooks()
    const record = open(
      checkOut('/app/users.ts:12:3', { transactionStack: { stack: 'Error\n    at /app/a.ts:1:1' } }),
    )
    const finding = record?.data()
    expect(Object.isFrozen(finding)).toBe(true)
    expect(Object.isFrozen(finding?.checkout)).toBe(true)
    expect(Object.isFrozen(finding?.origin?.frames[0])).toBe(true)
    expect(Object.isFrozen(finding?.transactionOrigin?.frames)).toBe(true)
  })
})

describe('findings of one line of source', () => {
  it('have one fingerprint and are counted', () => {
    const { checkOut, open } = openBooks()
    const here = [1, 2, 3].map(() => open(checkOut('/app/users.ts:12:3'))?.data())
    const there = open(checkOut('/app/users.ts:13:3'))?.data()
    const other = open(checkOut('/app/users.ts:12:3'), 'dirty-release')?.data()
    expect(here.map((finding) => finding?.occurrences)).toEqual([1, 2, 3])
    expect(new Set(here.map((finding) => finding?.fingerprint)).size).toBe(1)
    expect([there?.occurrences, other?.occurrences]).toEqual([1, 1])
    expect(new Set([here[0], there, other].map((finding) => finding?.fingerprint)).size).toBe(3)
  })

  it.each(['redacted', 'full'] as const)(
    'are told apart by their statement, not by its literals, where no line is known (%s)',
    (queryText) => {
      const { checkOut, open } = openBooks(queryText)
      const find = (lastQuery: string) => {
        const checkout = checkOut()
        checkout.lastQuery = lastQuery
        return open(checkout)?.data()
      }
      expect(find("SELECT 'a'")?.occurrences).toBe(1)
      expect(find("SELECT 'b'")?.occurrences).toBe(2)
      expect(find('SELECT b')?.occurrences).toBe(1)
    },
  )
})

describe('the list of findings', () => {
  it('has the open ones first, then the resolved, the latest first', () => {
    const { ledger, checkOut, open } = openBooks()
    const checkouts = [1, 2, 3, 4].map((line) => checkOut(`/app/users.ts:${line}:1`))
    for (const checkout of checkouts) open(checkout)
    const [first, , third] = checkouts
    if (third !== undefined) ledger.closed(third, false)
    if (first !== undefined) ledger.closed(first, false)
    expect(ledger.findings().map(({ origin }) => origin?.line)).toEqual([2, 4, 1, 3])
  })
})

describe('memory', () => {
  it('holds the last 200 resolved findings', () => {
    const { ledger, checkOut, open } = openBooks()
    for (let line = 1; line <= 1000; line++) {
      const checkout = checkOut(`/app/users.ts:${line}:1`)
      open(checkout)
      ledger.closed(checkout, false)
    }
    const lines = ledger.findings().map(({ origin }) => origin?.line)
    expect(lines).toEqual(Array.from({ length: 200 }, (_, index) => 1000 - index))
  })

  it('holds the last 200 findings that were events', () => {
    const { ledger, checkOut, open } = openBooks()
    for (let line = 1; line <= 300; line++) open(checkOut(`/app/users.ts:${line}:1`), 'double-release', true)
    expect(ledger.findings()).toHaveLength(200)
  })

  it('counts a thousand lines and forgets the one that was quiet for the longest time', () => {
    const { checkOut, open } = openBooks()
    const occurrencesAt = (line: number) => open(checkOut(`/app/users.ts:${line}:1`))?.occurrences
    for (let line = 1; line <= 1000; line++) occurrencesAt(line)
    expect(occurrencesAt(1)).toBe(2)
    occurrencesAt(1001)
    expect(occurrencesAt(1)).toBe(3)
    expect(occurrencesAt(1000)).toBe(2)
    // The newcomer took the place of line 2; line 1 had been heard of since.
    expect(occurrencesAt(2)).toBe(1)
  })

  it('gives up on the oldest destroyed session when 200 wait for owners who never release', () => {
    const { ledger, checkOut, open, resolved } = openBooks()
    const checkouts = Array.from({ length: 203 }, (_, index) => checkOut(`/app/users.ts:${index + 1}:1`))
    for (const checkout of checkouts) {
      open(checkout)
      ledger.destroyed(checkout)
    }
    expect(resolved.map(({ origin, resolution }) => [origin?.line, resolution])).toEqual([
      [1, 'never released by its owner'],
      [2, 'never released by its owner'],
      [3, 'never released by its owner'],
    ])
    expect(ledger.findings().filter(({ resolution }) => resolution === undefined)).toHaveLength(200)
    const [first] = checkouts
    if (first !== undefined) ledger.releasedLate(first)
    expect(resolved).toHaveLength(3)
  })

  it('keeps nothing of a checkout that no finding was opened for', () => {
    const { ledger, pool, checkOut } = openBooks()
    for (let made = 0; made < 10_000; made++) ledger.closed(checkOut(), false)
    expect([pool.out.size, pool.waiters.size, ledger.findings().length]).toEqual([0, 0, 0])
  })
})

describe('holders', () => {
  it('are named the longest first, with place and state', () => {
    const { clock, ledger, pool, checkOut } = openBooks()
    checkOut('/app/a.ts:1:1', {
      pid: 1,
      transaction: 'open',
      transactionStack: { stack: 'Error\n    at /app/t.ts:5:1' },
    })
    clock.advance(1000)
    checkOut('/app/b.ts:2:1', { pid: 2 })
    clock.advance(500)
    expect(ledger.holders(pool)).toMatchObject([
      { pid: 1, heldMillis: 1500, transaction: 'open', origin: { line: 1 }, transactionOrigin: { line: 5 } },
      { pid: 2, heldMillis: 500, transaction: 'idle', origin: { line: 2 } },
    ])
  })

  it('end with the statements of pool.query, without their literals', () => {
    const { ledger, pool, checkOut } = openBooks()
    checkOut('/app/a.ts:1:1')
    pool.passingQueries = () => [
      { pid: 3, text: "SELECT 'secret'" },
      { pid: undefined, text: undefined },
    ]
    expect(ledger.holders(pool).slice(1)).toEqual([
      { via: 'pool.query', pid: 3, lastQuery: 'SELECT ?' },
      { via: 'pool.query' },
    ])
  })

  it('are twenty at most', () => {
    const { ledger, pool, checkOut } = openBooks()
    for (let line = 1; line <= 30; line++) checkOut(`/app/a.ts:${line}:1`)
    pool.passingQueries = () => [{ pid: 3, text: 'SELECT 1' }]
    expect(ledger.holders(pool)).toHaveLength(20)
  })
})
