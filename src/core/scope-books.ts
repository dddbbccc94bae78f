import type { Checkout } from './checkout.ts'
import type { FindingRecord } from './findings/finding-record.ts'
import type { Scope } from './scope.ts'

/** The record of one scope that is asked at its end what it leaves. */
export interface ScopeBook {
  readonly scope: Scope
  readonly findings: FindingRecord[]
  /** On their way to a caller, or released before the server had answered: not known in full yet, and in no other list. */
  readonly underWay: Set<Checkout>
  closed: boolean
}

const pruneEvery = 100

function forgetSettled({ underWay }: ScopeBook): void {
  for (const checkout of underWay) {
    // Over, and nothing is kept for a judgement that is still to come.
    const isSettled =
      checkout.phase !== 'waiting' && (checkout.phase !== 'over' || checkout.control === undefined)
    if (isSettled) underWay.delete(checkout)
  }
}

/**
 * Books for scopes that are asked at their end what they have left behind, as tests are. What happens in a scope goes
 * into the book of the nearest one around it that has one.
 */
export class ScopeBooks {
  readonly #books = new WeakMap<Scope, ScopeBook>()
  /** The books that are open. */
  readonly running = new Set<ScopeBook>()

  open(scope: Scope): ScopeBook {
    const book: ScopeBook = { scope, findings: [], underWay: new Set(), closed: false }
    this.#books.set(scope, book)
    this.running.add(book)
    return book
  }

  close(book: ScopeBook): void {
    book.closed = true
    this.running.delete(book)
  }

  /** The book that `scope` goes into, open or not. */
  bookOf(scope: Scope | undefined): ScopeBook | undefined {
    for (let around = scope; around !== undefined; around = around.parent) {
      const book = this.#books.get(around)
      if (book !== undefined) return book
    }
    return undefined
  }

  /** A finding from outside of any such scope, of a request that a test makes, belongs to the only one that runs. */
  noteFinding(record: FindingRecord, scope: Scope | undefined): void {
    const book = this.bookOf(scope) ?? this.onlyRunning()
    if (book?.closed === false) book.findings.push(record)
  }

  /** A caller asks for a client, or has released one before its state was known. */
  noteUnderWay(checkout: Checkout): void {
    if (this.running.size === 0) return
    const book = this.bookOf(checkout.scope) ?? this.onlyRunning()
    if (book === undefined || book.closed) return
    book.underWay.add(checkout)
    if (book.underWay.size % pruneEvery === 0) forgetSettled(book)
  }

  /** True while anything in this book is not known in full yet. */
  isUnsettled(book: ScopeBook): boolean {
    forgetSettled(book)
    return book.underWay.size > 0
  }

  onlyRunning(): ScopeBook | undefined {
    if (this.running.size !== 1) return undefined
    const [book] = this.running
    return book
  }
}
