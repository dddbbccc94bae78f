import type { Checkout } from './checkout.ts'
import type { FindingRecord } from './findings/finding-record.ts'
import type { Scope } from './scope.ts'

/** The record of one scope that is inspected at its end. */
export interface ScopeBook {
  readonly scope: Scope
  readonly findings: FindingRecord[]
  /** Checkouts that wait for a client, or were released before the server had answered; they are in no other list. */
  readonly underWay: Set<Checkout>
  closed: boolean
}

const pruneEvery = 100

function forgetSettled({ underWay }: ScopeBook): void {
  for (const checkout of underWay) {
    // Over, and no judgement is still to come.
    const isSettled =
      checkout.phase !== 'waiting' && (checkout.phase !== 'over' || checkout.control === undefined)
    if (isSettled) underWay.delete(checkout)
  }
}

/**
 * The records of scopes that are inspected at their end, as tests are. An event is recorded for the nearest enclosing
 * scope that has a record.
 */
export class ScopeBooks {
  readonly #books = new WeakMap<Scope, ScopeBook>()
  /** The records of scopes that have not ended. */
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

  /** The record of the nearest enclosing scope that has one, ended or not. */
  bookOf(scope: Scope | undefined): ScopeBook | undefined {
    for (let around = scope; around !== undefined; around = around.parent) {
      const book = this.#books.get(around)
      if (book !== undefined) return book
    }
    return undefined
  }

  /** Records a finding. One outside any such scope, as of a request that a test sends, goes to the only running one. */
  noteFinding(record: FindingRecord, scope: Scope | undefined): void {
    const book = this.bookOf(scope) ?? this.onlyRunning()
    if (book?.closed === false) book.findings.push(record)
  }

  /** Records a checkout that waits for a client, or was released before its state was known. */
  noteUnderWay(checkout: Checkout): void {
    if (this.running.size === 0) return
    const book = this.bookOf(checkout.scope) ?? this.onlyRunning()
    if (book === undefined || book.closed) return
    book.underWay.add(checkout)
    if (book.underWay.size % pruneEvery === 0) forgetSettled(book)
  }

  /** True while a checkout of this record is not settled. */
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
