import type { CapturedStack } from '../core/origin.ts'
import type { SubmittedQuery } from './pg-types.ts'

/**
 * The transaction of one server session. Its state is taken from ReadyForQuery, the only message that tells the truth;
 * `letter` is PostgreSQL's own: I (none), T (open), E (failed).
 */
export class SessionTransaction {
  letter: string
  /** When the statement that opened it was sent. */
  since = 0
  /** Where that statement was sent, if it was recognised. */
  stack: CapturedStack | undefined
  /** Where the last statement that may open one was sent; the answer is still to come. */
  openingStack: CapturedStack | undefined
  /** It was open when the present owner got the client. */
  inherited = false

  constructor(letter: unknown) {
    this.letter = typeof letter === 'string' ? letter : 'I'
  }

  /** Takes in a ReadyForQuery after `query`, which was sent at `sentAt`. Says what has changed. */
  note(
    letter: string,
    query: SubmittedQuery | undefined,
    sentAt: number,
    now: number,
  ): 'opened' | 'ended' | undefined {
    const before = this.letter
    this.letter = letter
    if (before === 'I') {
      if (letter === 'I') return undefined
      this.since = sentAt
      this.stack = this.openingStack
      return 'opened'
    }
    if (letter === 'I') {
      this.stack = undefined
      this.openingStack = undefined
      this.inherited = false
      return 'ended'
    }
    if (chains(query)) this.since = now
    return undefined
  }
}

/** The letter of a ReadyForQuery message. */
export function statusLetter(message: unknown): string {
  const status = typeof message === 'object' && message !== null ? Reflect.get(message, 'status') : undefined
  return typeof status === 'string' ? status : 'I'
}

/** COMMIT AND CHAIN ends one transaction and begins another without a status in between. */
function chains(query: SubmittedQuery | undefined): boolean {
  const command = query?._result?.command
  if (command !== 'COMMIT' && command !== 'ROLLBACK') return false
  return typeof query?.text === 'string' && /\band\s+chain\b/i.test(query.text)
}
