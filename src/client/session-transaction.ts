import type { OpenerStack } from '../core/client-control.ts'
import { isSentText } from '../sql/comment.ts'
import { isCommit } from '../sql/statement.ts'
import type { SubmittedQuery } from './types.ts'

interface Opener {
  readonly text: string
  readonly stack: OpenerStack
}

/**
 * The transaction of one server session. Its state comes from ReadyForQuery, the only message that is authoritative.
 * `letter` is PostgreSQL's: I (none), T (open), E (failed).
 */
export class SessionTransaction {
  letter: string
  /** The time at which the statement that opened it was sent. */
  since = 0
  /** The stack of that statement, if it was recognised. */
  stack: OpenerStack | undefined
  /** The oldest unanswered statement that may open a transaction, with its stack. */
  #first: Opener | undefined
  /** Those after it: there are some only if an owner does not wait for its answers. */
  readonly #later: Opener[] = []
  /** The stack of the last answered statement, if it may open a transaction and was sent inside one. */
  #opener: OpenerStack | undefined
  /** The transaction was open when the present owner got the client. */
  inherited = false

  constructor(letter: unknown) {
    this.letter = typeof letter === 'string' ? letter : 'I'
  }

  /** Another owner gets the session, with any transaction that is open in it. */
  inherit(): void {
    this.inherited = this.letter !== 'I'
  }

  /** Whether an unanswered statement may open a transaction. */
  get isOpening(): boolean {
    return this.#first !== undefined
  }

  /** A statement that may open a transaction is about to be sent. */
  sending(text: string, stack: OpenerStack, ready: boolean): void {
    // With nothing in flight, any statement that is still unanswered has failed.
    if (ready && this.#first !== undefined) this.#forgetOpeners()
    if (this.#first === undefined) this.#first = { text, stack }
    else this.#later.push({ text, stack })
  }

  /** Records a ReadyForQuery after `query`, which was sent at `sentAt`. Returns the change. */
  note(
    letter: string,
    query: SubmittedQuery | undefined,
    sentAt: number,
    now: number,
  ): 'opened' | 'ended' | undefined {
    const before = this.letter
    this.letter = letter
    const stack = this.#takeOpener(query?.text)
    this.#opener = before === 'T' && letter !== 'I' ? stack : undefined
    if (before === 'I') {
      if (letter === 'I') return undefined
      this.since = sentAt
      this.stack = stack
      return 'opened'
    }
    if (letter === 'I') {
      this.end()
      return 'ended'
    }
    if (chains(query)) this.since = now
    return undefined
  }

  /** Whether the last answered statement may open a transaction and was sent inside one. */
  get hasOpener(): boolean {
    return this.#opener !== undefined
  }

  /**
   * The present owner's statement was answered inside the transaction. If it was BEGIN, PostgreSQL has only
   * warned, and the owner takes the transaction for its own: from now on it is judged by it. Returns whether it does.
   */
  claim(sentAt: number): boolean {
    if (!this.inherited || this.#opener === undefined) return false
    this.inherited = false
    this.since = sentAt
    this.stack = this.#opener
    return true
  }

  /** The transaction is over: committed, rolled back, or lost with its connection. */
  end(): void {
    this.letter = 'I'
    this.stack = undefined
    this.inherited = false
  }

  /** The driver no longer has a failed statement at its ReadyForQuery: it is the first unanswered one then. */
  #takeOpener(text: unknown): OpenerStack | undefined {
    while (this.#first !== undefined && this.#sends(text)) {
      const { text: sent, stack } = this.#first
      this.#first = this.#later.shift()
      if (text === undefined || isSentText(sent, text)) return stack
    }
    return undefined
  }

  /** Whether an unanswered opener has this text; without one the first opener is meant. */
  #sends(text: unknown): boolean {
    if (text === undefined || (this.#first !== undefined && isSentText(this.#first.text, text))) return true
    return this.#later.length > 0 && this.#later.some((opener) => isSentText(opener.text, text))
  }

  #forgetOpeners(): void {
    this.#first = undefined
    if (this.#later.length > 0) this.#later.length = 0
  }
}

/** The letter of a ReadyForQuery message. */
export function statusLetter(message: unknown): string {
  const status =
    typeof message === 'object' && message !== null ? (message as { status?: unknown }).status : undefined
  return typeof status === 'string' ? status : 'I'
}

/** COMMIT AND CHAIN ends one transaction and begins the next without a status between them. */
function chains(query: SubmittedQuery | undefined): boolean {
  const command = query?._result?.command
  if (command !== 'COMMIT' && command !== 'ROLLBACK') return false
  return typeof query?.text === 'string' && /\band\s+chain\b/i.test(query.text)
}

/** In a failed transaction PostgreSQL answers ROLLBACK to COMMIT, as if it had succeeded. */
export function commitLost(query: SubmittedQuery | undefined): boolean {
  if (query === undefined || typeof query.text !== 'string' || !isCommit(query.text)) return false
  const results: readonly unknown[] = Array.isArray(query._results) ? query._results : [query._result]
  return results.some((result) => (result as { command?: unknown } | undefined)?.command === 'ROLLBACK')
}
