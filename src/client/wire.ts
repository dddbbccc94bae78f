import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import { statementText } from '../sql/statement.ts'
import type { Control } from './control.ts'
import type { Ownership } from './ownership.ts'
import { commitLost, statusLetter } from './session-transaction.ts'
import type { Client, SubmittedQuery } from './types.ts'
import { activeQuery, answerOf, commandsOf, isFollowed } from './work.ts'

/** The handlers of what the wire shows. */
export interface WireEvents {
  /** The server is ready: the state of a released client is known now. */
  settled(): void
  /** An untracked statement of `pool.query` has opened a transaction. */
  openedInPassing(query: SubmittedQuery | undefined): void
}

/**
 * Follows the server's messages on one connection: the state of its transaction, failures, and its end. The listeners run
 * before the driver's own, so that the state is right when a callback of the driver releases the client.
 */
export class Wire {
  readonly #client: Client
  readonly #control: Control
  readonly #ownership: Ownership
  readonly #ledger: Ledger
  readonly #events: CheckoutEvents
  readonly #handlers: WireEvents
  /** The failed statement: the driver no longer has it when the server is ready again. */
  #failed: SubmittedQuery | undefined
  #fatal: string | undefined

  constructor(
    control: Control,
    ownership: Ownership,
    ledger: Ledger,
    events: CheckoutEvents,
    handlers: WireEvents,
  ) {
    const { client } = control
    this.#client = client
    this.#control = control
    this.#ownership = ownership
    this.#ledger = ledger
    this.#events = events
    this.#handlers = handlers
    client.on?.('error', this.#onError)
    client.on?.('end', this.#onEnd)
    client.connection?.prependListener('readyForQuery', this.#onReady)
    client.connection?.prependListener('errorMessage', this.#onErrorMessage)
  }

  leave(): void {
    const client = this.#client
    client.removeListener?.('error', this.#onError)
    client.removeListener?.('end', this.#onEnd)
    client.connection?.removeListener('readyForQuery', this.#onReady)
    client.connection?.removeListener('errorMessage', this.#onErrorMessage)
  }

  readonly #onReady = (message: unknown): void => {
    const letter = statusLetter(message)
    if (this.#ownership.unclean.isEmpty) this.#noteAnswer(letter)
    else this.#noteUnclean(letter)
    if (this.#ownership.unsettled !== undefined) this.#handlers.settled()
    this.#control.wake()
  }

  /** Records an answer in a session that former owners have left unclean. */
  #noteUnclean(letter: string): void {
    const { checkout, unclean, isPassing } = this.#ownership
    const { session } = this.#control
    const { letter: before, inherited } = session
    const commands = commandsOf(activeQuery(this.#client))
    const isHeirs = before !== 'I' && !unclean.isFormers && (checkout !== undefined || isPassing)
    this.#noteAnswer(letter)
    if (isHeirs) {
      const refused = before === 'E' && letter === 'E'
      const claimed = !inherited || (letter !== 'I' && !session.inherited)
      for (const { checkout: former, aftermath } of unclean.inherited({
        heir: checkout,
        commands,
        refused,
        claimed,
      }))
        this.#events.suffered(former, aftermath)
    }
    const isCommit = isHeirs && commands.includes('COMMIT')
    const how = isCommit
      ? "a later owner's COMMIT saved what it had left unfinished"
      : 'its session is clean again'
    for (const { checkout: former, aftermath } of unclean.answered(letter, isCommit))
      this.#events.cleaned(former, how, aftermath)
  }

  #noteAnswer(letter: string): void {
    const ownership = this.#ownership
    const { session, changes, sendsOwn } = this.#control
    const isTransactions = letter !== 'I' || session.letter !== 'I' || session.isOpening
    // Most statements of `pool.query` change nothing.
    if (ownership.checkout !== undefined || isTransactions || changes?.touched === true || sendsOwn)
      this.#noteStatement(letter, isTransactions)
    if (ownership.isPassing && !isFollowed(this.#client)) ownership.isPassing = false
    this.#failed = undefined
  }

  #noteStatement(letter: string, isTransactions: boolean): void {
    const ownership = this.#ownership
    const { checkout } = ownership
    const { changes } = this.#control
    const query = activeQuery(this.#client)
    const runsForeign = ownership.hasForeign && query !== undefined && ownership.foreign.has(query)
    const now = this.#ledger.time.now()
    const isOwners = !runsForeign && !this.#control.takeOwn(query)
    const sentAt = isOwners ? checkout?.noteAnswer(now) : undefined
    // The owner's next statement, if there is one, starts to run only now.
    if (runsForeign && checkout !== undefined) checkout.busySince = now
    if (changes?.touched === true && !runsForeign) changes.answered(answerOf(query), letter)
    if (isTransactions) this.#noteTransaction(letter, query, runsForeign, sentAt, now)
  }

  #noteTransaction(
    letter: string,
    query: SubmittedQuery | undefined,
    runsForeign: boolean,
    sentAt: number | undefined,
    now: number,
  ): void {
    const { session } = this.#control
    const { checkout, unclean, unsettled, isPassing } = this.#ownership
    const { letter: before, inherited } = session
    const sender = unclean.senderOf(checkout)
    const answered = query ?? this.#failed
    const change = session.note(letter, answered, unsettled?.checkout.busySince ?? sentAt ?? now, now)
    // An owner that released before the server was ready is judged by its own BEGIN, too.
    if (unsettled !== undefined) unsettled.inherited &&= !session.hasOpener
    else if (sender === checkout && session.claim(sentAt ?? now)) checkout?.judgeSoon()
    if (change !== undefined && checkout !== undefined) {
      checkout.noteTransaction(change, now)
      if (change === 'ended') this.#ledger.recorder?.transactionEnded(checkout, session.since, now)
    }
    if (change === 'opened') {
      // A former owner or a listener has opened the transaction, not the present owner.
      if (runsForeign || !unclean.isEmpty || unsettled !== undefined) session.inherited = true
      else if (checkout === undefined && isPassing) this.#handlers.openedInPassing(query)
      return
    }
    // A later owner is not to blame if the COMMIT of a transaction that it inherited is refused.
    const isHeirs = inherited && sender === checkout
    if (before === 'E' && sender !== undefined && !isHeirs && commitLost(query))
      this.#events.commitAnswered(sender)
    if (change === 'ended' && checkout?.reported) this.#events.transactionEnded(checkout)
  }

  readonly #onErrorMessage = (message: unknown): void => {
    const { checkout } = this.#ownership
    this.#failed = activeQuery(this.#client)
    // The server may end the session between statements, and a remedy may cancel a running one.
    const isStatements = activeQuery(this.#client) !== undefined && this.#control.raised === undefined
    if (!this.#control.runsForeign) {
      if (checkout !== undefined && isStatements) checkout.lastQueryFailed = true
      this.#control.changes?.failed(statementText(activeQuery(this.#client)))
    }
    const { severity, code } = (message ?? {}) as { severity?: unknown; code?: unknown }
    if (severity !== 'FATAL' || typeof code !== 'string') return
    this.#fatal = code
    // The statement in flight rejects now, and its owner may release before the driver reports the lost connection.
    this.#noteEnd(message)
  }

  readonly #onError = (error: unknown): void => this.#noteEnd(error)

  #noteEnd(error: unknown): void {
    if (this.#client._ending === true) return
    const reason = error instanceof Error ? error : new Error(String(error))
    const end = { error: reason, sqlState: this.#fatal }
    const ownership = this.#ownership
    const { checkout } = ownership
    if (checkout === undefined) {
      if (ownership.isUnclaimed) ownership.lost ??= end
      return
    }
    this.#events.sessionEnded({ checkout, ...end })
    this.#recordEnd(checkout)
    this.#control.session.end()
  }

  readonly #onEnd = (): void => {
    const { checkout, unclean } = this.#ownership
    this.#recordEnd(checkout)
    this.#control.session.end()
    if (checkout !== undefined && checkout.reported !== 0) this.#events.transactionEnded(checkout)
    for (const { checkout: former, aftermath } of unclean.takeAll())
      this.#events.cleaned(former, 'its session was closed', aftermath)
    this.#control.wake()
  }

  /** The transaction of the checkout ends with the connection. */
  #recordEnd(checkout: Checkout | undefined): void {
    const { session } = this.#control
    if (checkout === undefined || session.letter === 'I') return
    this.#ledger.recorder?.transactionEnded(checkout, session.since, this.#ledger.time.now())
  }
}
