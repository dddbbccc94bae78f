import { describe, expect, it } from 'vitest'
import { Scope } from '../../src/core/scope.ts'
import { ScopeBooks } from '../../src/core/scope-books.ts'
import { pretendedPool } from './pretended-pool.ts'

const scope = (name: string, parent?: Scope) => new Scope({ kind: 'test', name }, parent)

describe('a scope book', () => {
  it('is that of the nearest scope around that has one', () => {
    const books = new ScopeBooks()
    const outer = scope('outer')
    const inner = scope('inner', outer)
    const innermost = scope('innermost', inner)
    const outerBook = books.open(outer)
    const innerBook = books.open(inner)
    expect(books.bookOf(innermost)).toBe(innerBook)
    expect(books.bookOf(outer)).toBe(outerBook)
    expect(books.bookOf(scope('other'))).toBeUndefined()
    expect(books.bookOf(undefined)).toBeUndefined()
  })

  it('takes the findings of its scope, and of no scope while it is the only one', () => {
    const { ledger, checkOut, open } = pretendedPool()
    const one = scope('one')
    const book = ledger.scopeBooks.open(one)
    const own = open(checkOut(undefined, { scope: one }))
    const strange = open(checkOut(undefined, { scope: scope('a request') }))
    expect(book.findings).toEqual([own, strange])
    ledger.scopeBooks.open(scope('two'))
    open(checkOut())
    expect(book.findings).toEqual([own, strange])
  })

  it('takes nothing more once it is closed', () => {
    const { ledger, checkOut, open } = pretendedPool()
    const one = scope('one')
    const book = ledger.scopeBooks.open(one)
    ledger.scopeBooks.close(book)
    open(checkOut(undefined, { scope: one }))
    expect([book.findings, book.closed, ledger.scopeBooks.onlyRunning()]).toEqual([[], true, undefined])
  })

  it('is unsettled while a caller waits, and while a release is not known in full', () => {
    const { ledger, wait, checkOut } = pretendedPool()
    const { scopeBooks } = ledger
    const one = scope('one')
    const book = scopeBooks.open(one)
    const waiter = wait(undefined, one)
    expect(scopeBooks.isUnsettled(book)).toBe(true)
    ledger.withdrawn(waiter, 'gave up')
    expect(scopeBooks.isUnsettled(book)).toBe(false)

    const checkout = checkOut(undefined, { scope: one })
    ledger.closed(checkout, true)
    expect(scopeBooks.isUnsettled(book)).toBe(true)
    checkout.forget()
    expect(scopeBooks.isUnsettled(book)).toBe(false)
  })

  it('does not grow with the checkouts that its scope makes', () => {
    const { ledger, checkOut } = pretendedPool()
    const one = scope('one')
    const book = ledger.scopeBooks.open(one)
    for (let made = 0; made < 10_000; made++) ledger.closed(checkOut(undefined, { scope: one }), false)
    expect(book.underWay.size).toBeLessThanOrEqual(100)
  })
})
