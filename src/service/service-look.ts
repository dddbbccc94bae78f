import { join } from 'node:path'
import type { Finding } from '../core/findings/finding.ts'
import type { Frame, Origin } from '../core/origin/origin.ts'
import type { CheckoutSnapshot, PoolSnapshot } from '../core/snapshot.ts'
import { ConnectionError } from '../errors.ts'
import { fieldOf, pathBelow, type Service } from './ask-service.ts'

/** A service's snapshot and findings at one moment, with its files relative to our working directory. */
export interface ServiceLook {
  /** The time on the service's clock. */
  readonly takenAt: number
  readonly pools: readonly PoolSnapshot[]
  readonly checkouts: readonly CheckoutSnapshot[]
  readonly findings: readonly Finding[]
}

/** @throws ConnectionError if the service does not answer, or not with a snapshot */
export async function lookAt(service: Service): Promise<ServiceLook> {
  const answer = await service.ask('snapshot')
  const [takenAt, pools, checkouts, findings] = ['takenAt', 'pools', 'checkouts', 'findings'].map((name) =>
    fieldOf(answer, name),
  )
  // Another version of this package may send different data: only what is understood is used.
  if (!isNumber(takenAt) || !isListOf(isPool)(pools)) throw notUnderstood(service)
  if (!isListOf(isCheckout)(checkouts) || !isListOf(isFinding)(findings)) throw notUnderstood(service)
  const place = <Placed extends Places>(placed: Placed) => relocated(placed, service.workingDirectory)
  return {
    takenAt,
    pools,
    checkouts: checkouts.map(place),
    findings: findings.map((finding) => {
      const { holders } = finding
      return place(holders === undefined ? finding : { ...finding, holders: holders.map(place) })
    }),
  }
}

function notUnderstood({ url }: Service): ConnectionError {
  return new ConnectionError(
    `${url}/snapshot: this is not a snapshot that this version of pg-lifeguard understands`,
  )
}

interface Places {
  readonly origin?: Origin
  readonly transactionOrigin?: Origin
  readonly eventOrigin?: Origin
}

/** Replaces the service's directory by ours: it may run in a container, with the same source. */
function relocated<Placed extends Places>(placed: Placed, directory: string | undefined): Placed {
  const here = <Known extends Frame>(frame: Known): Known => {
    const path = pathBelow(frame.file, directory)
    return path === undefined ? frame : { ...frame, file: join(process.cwd(), path) }
  }
  const whole = (origin: Origin): Origin => ({ ...here(origin), frames: origin.frames.map(here) })
  const { origin, transactionOrigin, eventOrigin } = placed
  return {
    ...placed,
    ...(origin === undefined ? {} : { origin: whole(origin) }),
    ...(transactionOrigin === undefined ? {} : { transactionOrigin: whole(transactionOrigin) }),
    ...(eventOrigin === undefined ? {} : { eventOrigin: whole(eventOrigin) }),
  }
}

type Check<Value> = (value: unknown) => value is Value

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isListOf<Item>(isItem: Check<Item>): Check<Item[]> {
  return (value): value is Item[] => Array.isArray(value) && value.every(isItem)
}

function has(value: unknown, names: readonly string[], is: Check<unknown>): boolean {
  return names.every((name) => is(fieldOf(value, name)))
}

function mayHave(value: unknown, names: readonly string[], is: Check<unknown>): boolean {
  return names.every((name) => fieldOf(value, name) === undefined || is(fieldOf(value, name)))
}

function isFrame(value: unknown): value is Frame {
  return (
    has(value, ['file'], isText) &&
    has(value, ['line', 'column'], isNumber) &&
    mayHave(value, ['functionName'], isText)
  )
}

function isOrigin(value: unknown): value is Origin {
  return isFrame(value) && has(value, ['frames'], isListOf(isFrame))
}

function isScope(value: unknown): value is object {
  return has(value, ['kind', 'name'], isText)
}

function isPool(value: unknown): value is PoolSnapshot {
  return (
    has(value, ['name'], isText) &&
    has(value, ['waiting', 'out'], isNumber) &&
    mayHave(value, ['total', 'idle'], isNumber)
  )
}

const durations = ['waitedMillis', 'heldMillis', 'transactionMillis', 'idleMillis', 'busyMillis']

function isCheckoutData(value: unknown): value is object {
  return (
    has(value, ['id', 'requestedAt', 'queryCount', ...durations], isNumber) &&
    has(value, ['via', 'phase', 'transaction'], isText) &&
    mayHave(value, ['pid', 'acquiredAt'], isNumber) &&
    mayHave(value, ['lastQuery', 'exemption'], isText)
  )
}

function isPlaced(value: unknown): boolean {
  return (
    mayHave(value, ['origin', 'transactionOrigin', 'eventOrigin'], isOrigin) &&
    mayHave(value, ['scope'], isScope)
  )
}

function isCheckout(value: unknown): value is CheckoutSnapshot {
  return isCheckoutData(value) && has(value, ['pool'], isText) && isPlaced(value)
}

function isHolder(value: unknown): value is object {
  return has(value, ['via'], isText) && isPlaced(value)
}

function isFinding(value: unknown): value is Finding {
  return (
    has(value, ['id', 'kind', 'certainty', 'pool', 'hint', 'remedy', 'fingerprint'], isText) &&
    has(value, ['occurrences', 'openedAt'], isNumber) &&
    mayHave(value, ['resolvedAt'], isNumber) &&
    mayHave(value, ['outcome', 'outcomeDetail', 'resolution'], isText) &&
    mayHave(value, ['left'], isListOf(isText)) &&
    mayHave(value, ['holders'], isListOf(isHolder)) &&
    has(value, ['checkout'], isCheckoutData) &&
    isPlaced(value)
  )
}
