import { type ClientHost, GuardedClient } from '../client/guarded-client.ts'
import { clientBehind, formerCheckout } from '../client/handle.ts'
import { removeOwn } from '../client/remove-own.ts'
import { StatementTexts } from '../client/statement-texts.ts'
import { type StatementTagger, statementTagger } from '../client/tag.ts'
import type { Callback, Client, GiveBack, Method, PoolTraits } from '../client/types.ts'
import { isClient } from '../client/types.ts'
import { countSilent, passingQueries } from '../client/work.ts'
import type { Checkout, CheckoutPool, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import { CheckoutList } from '../core/checkout-list.ts'
import { isAnyTimeout } from '../core/exhaustion.ts'
import type { Ledger } from '../core/ledger.ts'
import { withLaterStack } from '../core/origin/later-stack.ts'
import { type CapturedStack, captureStack } from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import { PoolStacks } from '../core/origin/pool-stacks.ts'
import { isThenable } from '../core/thenable.ts'
import { Guards } from './guards.ts'
import type { Installed, PoolCore, PoolHost, WatchSettings } from './pool-host.ts'
import { orRejected } from './rejection.ts'
import { Strangers } from './strangers.ts'
import { watchedMark } from './watchable.ts'

/** The checkouts of one watched pool, the same for every host. */
export class WatchedPool implements PoolCore, ClientHost {
  readonly ledger: Ledger
  readonly events: CheckoutEvents
  readonly settings: WatchSettings
  readonly record: CheckoutPool
  readonly traits: PoolTraits
  readonly tagged: StatementTagger | undefined
  readonly stacks: PoolStacks
  readonly texts = new StatementTexts()
  /** True after `unwatch`; clients that were checked out before may still be released. */
  unwatched = false
  /** Called when the pool has ended for good, and is no longer watched. */
  onEnded: (() => void) | undefined
  readonly #host: PoolHost
  readonly #guards = new Guards()
  readonly #rejected = new WeakSet<Checkout>()
  readonly #installed: readonly Installed[]
  /** The number of callers that the guard has started and the pool has not answered yet. */
  #pending = 0
  /** The client that the pool has handed out last. */
  #announced: GuardedClient | undefined
  readonly #strangers: Strangers
  /** True if a client has been handed out past the guard. */
  #hasAdopted = false
  #hasReportedListeners = false
  #hasReportedUnseen = false

  constructor(host: PoolHost, settings: WatchSettings, ledger: Ledger, events: CheckoutEvents) {
    this.#host = host
    this.traits = host
    this.settings = settings
    this.ledger = ledger
    this.events = events
    this.tagged = statementTagger(settings.tag)
    this.stacks = new PoolStacks(() => ledger.isInspected || settings.handles === 'checked')
    this.record = {
      name: settings.name,
      out: new CheckoutList(),
      waiters: new Set(),
      endingSince: undefined,
      gauge: () => host.gauge(),
      sweep: () => this.#sweep(),
      stacks: this.stacks,
      passingQueries: () => passingQueries(host.clients(), (client) => this.isOut(client)),
      unseen: () => countSilent(host.clients(), (one) => this.#guards.known.has(one) || host.isIdle(one)),
    }
    this.#strangers = new Strangers(this.record.gauge)
    this.#installed = host.install(this)
    Object.defineProperty(host.pool, watchedMark, { value: true, configurable: true })
    ledger.pools.add(this.record)
  }

  acquire(start: () => unknown, via: Via, stack: CapturedStack, cancel?: (error: Error) => void): unknown {
    const checkout = this.request(via, stack)
    const connecting = this.start(checkout, start)
    // Pools return promises; any other result is passed on unchanged.
    if (!isThenable(connecting)) return this.handOut(checkout, connecting)
    const connected = connecting.then(
      (client) => this.#arrived(checkout, client),
      (error: unknown) => {
        this.answered()
        this.failed(checkout, error)
        throw error
      },
    )
    const answer = this.events.rejectsWaiters ? orRejected(this, checkout, connected, cancel) : connected
    return checkout.queued && this.stacks.mayMissUser(stack) ? withLaterStack(answer, checkout) : answer
  }

  release(given: Client, giveBack: GiveBack, error?: Error): unknown {
    const former = formerCheckout(given)
    if (former !== undefined && this.events.releasedAgain(former, true)) return undefined
    const guard = this.#guards.known.get(clientBehind(given) as Client)
    return guard === undefined ? giveBack() : guard.release(giveBack, error)
  }

  isOut(client: Client): boolean {
    return this.#guards.known.get(clientBehind(client) as Client)?.checkout !== undefined
  }

  ending(): void {
    this.record.endingSince ??= this.ledger.time.now()
    for (const checkout of this.record.out) checkout.judgeSoon()
    // The sweep that finds the end, even if only statements of `pool.query` have used the pool.
    this.ledger.wake()
  }

  ended(): void {
    this.record.endingSince = undefined
  }

  removed(client: unknown): void {
    if (isClient(client)) this.#guards.remove(client)
    this.#announced = undefined
  }

  request(via: Via, stack: CapturedStack): Checkout {
    this.stacks.sawCaller(stack)
    const { ledger } = this
    return ledger.request(this.record, via, this.isFull(), stack, ledger.currentScope())
  }

  start(waiter: Checkout, acquire: () => unknown): unknown {
    this.#pending += 1
    try {
      return this.#ask(acquire)
    } catch (error) {
      this.answered()
      this.failed(waiter, error)
      throw error
    }
  }

  answered(): void {
    this.#pending -= 1
  }

  ask(acquire: Method, pool: unknown, callback: Callback): unknown {
    this.#pending += 1
    // A caller that gets an idle client, or waits for one, starts nothing that would keep its scope in memory.
    const mayStay = this.ledger.context.current() === undefined || this.#host.mayOpen?.() === false
    const isPlain = mayStay && !this.#strangers.areWaiting
    try {
      return isPlain ? acquire.call(pool, callback) : this.#ask(() => acquire.call(pool, callback))
    } catch (error) {
      this.answered()
      throw error
    }
  }

  arriving(client: unknown): Promise<void> | undefined {
    if (this.events.sessionState !== 'by query' || !isClient(client) || this.unwatched) return undefined
    return this.guardOf(client).arriving()
  }

  handOut(checkout: Checkout, client: unknown): unknown {
    const guard = isClient(client) && !this.unwatched ? this.guardOf(client) : undefined
    guard?.claim()
    const giveBack = guard === undefined ? undefined : this.#host.giveBackOf(guard.client)
    if (guard === undefined || giveBack === undefined) {
      this.ledger.withdrawn(checkout, 'got a client')
      return client
    }
    const release = guard.begin(checkout, giveBack)
    const isChecked = this.settings.handles === 'checked' || this.#host.checked === true
    return isChecked && checkout.via === 'connect' ? guard.handle(checkout, release) : client
  }

  failed(waiter: Checkout, error: unknown): void {
    if (this.isRejected(waiter)) return
    if (isAnyTimeout(error)) this.ledger.meter?.timedOut(this.record)
    this.events.acquireFailed(waiter, error)
    this.ledger.withdrawn(waiter, 'gave up')
  }

  makeRejectable(waiter: Checkout, answer: (error: Error) => void): void {
    if (!this.events.rejectsWaiters) return
    waiter.reject = (error) => {
      this.#rejected.add(waiter)
      answer(error)
    }
  }

  isRejected(waiter: Checkout): boolean {
    return this.events.rejectsWaiters && this.#rejected.has(waiter)
  }

  giveUp(client: unknown): undefined {
    if (!isClient(client)) return
    const giveBack = this.#guards.known.get(client)?.poolRelease ?? this.#host.giveBackOf(client)
    if (giveBack !== undefined) this.ledger.detached(() => giveBack())
  }

  goesOut(client: Client, isNew: boolean): void {
    if (this.unwatched) return
    if (this.#strangers.isServed(isNew)) return
    const guard = this.guardOf(client)
    this.#announced = guard
    guard.goesOut()
    // A guarded caller would have woken the ledger.
    if (this.#pending === 0) this.ledger.wake()
  }

  cameBack(client: unknown, error: unknown): void {
    if (this.#hasAdopted && isClient(client)) this.#guards.known.get(client)?.cameBack(error)
  }

  sentByListener(): void {
    if (this.#hasReportedListeners) return
    this.#hasReportedListeners = true
    this.events.sentByListener(this.record, captureStack())
  }

  isFull(): boolean {
    return this.#host.isFull()
  }

  guardOf(client: Client): GuardedClient {
    const known = client === this.#announced?.client ? this.#announced : this.#guards.known.get(client)
    if (known !== undefined) return known
    const guard = new GuardedClient(client, this, this.ledger, this.events)
    this.#guards.add(guard)
    return guard
  }

  /** The present checkout of a client of this pool, or of a handle of one. */
  checkoutOf(client: unknown): Checkout | undefined {
    const behind = clientBehind(client)
    const guard = isClient(behind) ? this.#guards.known.get(behind) : undefined
    return guard?.checkout ?? this.#host.checkoutOf?.(client)
  }

  unwatch(): void {
    if (this.unwatched) return
    this.unwatched = true
    removeOwn(this.#host.pool, watchedMark)
    for (const installed of this.#installed.toReversed()) installed.restore()
    for (const guard of this.#guards) guard.unguard()
    for (const waiter of this.record.waiters) this.ledger.dismiss(waiter)
    this.ledger.pools.delete(this.record)
  }

  adopted(): void {
    this.#hasAdopted = true
  }

  giveBackOf(client: Client): GiveBack | undefined {
    return this.#host.giveBackOf(client)
  }

  isIdle(client: Client): boolean {
    return this.#host.isIdle(client)
  }

  stirred(guard: GuardedClient): void {
    this.#guards.stir(guard)
  }

  drop(client: Client): boolean {
    return this.#host.drop?.(client) ?? false
  }

  destroy(client: Client, error: Error, giveBack: GiveBack): void {
    this.#host.destroy(client, error, giveBack)
  }

  #sweep(): void {
    this.stacks.sweep()
    this.#host.sweep?.()
    if (this.#guards.sweep() && !this.#hasReportedUnseen) {
      this.#hasReportedUnseen = true
      this.events.wentUnseen(this.record)
    }
    const { endingSince, out, waiters } = this.record
    if (endingSince === undefined || out.size + waiters.size > 0 || this.#host.isEnded?.() !== true) return
    this.unwatch()
    this.onEnded?.()
  }

  #ask(acquire: () => unknown): unknown {
    const { ledger } = this
    if (!this.#strangers.areWaiting) return ledger.detached(acquire)
    return this.#strangers.ask(() => ledger.detached(acquire))
  }

  #arrived(checkout: Checkout, client: unknown): unknown {
    this.answered()
    const { rejectsWaiters, sessionState } = this.events
    if (!rejectsWaiters && sessionState !== 'by query') return this.handOut(checkout, client)
    const answer = () => (this.isRejected(checkout) ? this.giveUp(client) : this.handOut(checkout, client))
    return this.arriving(client)?.then(answer) ?? answer()
  }
}

excludeInBundle(WatchedPool)
