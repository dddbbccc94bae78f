import { EventEmitter } from 'node:events'
import type { ScopeOptions } from '../core/scope.ts'
import { OptionError } from '../errors.ts'
import { internalsOf } from '../guard/internals.ts'
import type { OpenScope } from '../guard/scopes.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { endWithSocket, type SocketLike } from './socket-end.ts'

/** The part of a `node:http` request that is used. */
export interface RequestLike {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** What a router has not shortened. */
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket?: SocketLike | null
  readonly aborted?: boolean
}

/** The part of a `node:http` response that is used. */
export interface ResponseLike {
  readonly socket?: object | null
  readonly closed?: boolean
  readonly destroyed?: boolean
  /** True if all data was passed to the operating system. */
  readonly writableFinished?: boolean
  readonly writableEnded?: boolean
  on(event: 'close', listener: () => void): unknown
}

/** The name and the id that a framework gives to a request. */
export interface RequestNaming {
  /** The route's pattern with its method; undefined while it is unknown. Called when a report needs it. */
  name(): string | undefined
  /** The request's id; undefined while it is unknown. Called when a report needs it. */
  id(): string | undefined
}

export type Surface = 'express' | 'fastify' | 'http' | 'register'

export interface RequestScope {
  readonly scope: OpenScope
  /** True if the same integration has opened the scope before. */
  readonly again: boolean
}

const nameless: RequestNaming = { name: () => undefined, id: () => undefined }

/** The limit of names and ids, because a client chooses the contents of a path and a header. */
const longestText = 200

/** The error if the value is not a lifeguard; undefined if it is. */
export function refuseOther(name: string, lifeguard: unknown): OptionError | undefined {
  if (typeof lifeguard === 'object' && lifeguard !== null && 'openScope' in lifeguard) return undefined
  return new OptionError(name, 'must be a lifeguard, created by createLifeguard()', lifeguard)
}

/** @throws OptionError with this name if the value is not a lifeguard */
export function requireLifeguard(name: string, lifeguard: unknown): void {
  const refused = refuseOther(name, lifeguard)
  if (refused !== undefined) throw refused
}

/**
 * What a report shows of one request. It reads the name when a report needs it, because a router knows the route late.
 * Without private fields, because a proxy that the application has put around the request may put one around this, too.
 */
class RequestRecord {
  readonly scope: OpenScope
  surface: Surface
  /** Undefined when its name and id are settled. */
  request: RequestLike | undefined
  naming: RequestNaming
  name = ''
  id: string | undefined = undefined

  constructor(lifeguard: Lifeguard, surface: Surface, request: RequestLike, naming: RequestNaming) {
    this.surface = surface
    this.request = request
    this.naming = naming
    this.scope = openScopeOf(lifeguard, {
      kind: 'request',
      name: () => this.readName(),
      id: () => this.readId(),
      traceparent: header(request, 'traceparent'),
    })
  }

  /** Another integration has got the request: an Express stack inside Fastify, which need not have the route. */
  renameWithin(surface: Surface, inner: RequestNaming): void {
    this.surface = surface
    if (this.request === undefined) return
    const outer = this.naming
    this.naming = { name: () => inner.name() ?? outer.name(), id: () => inner.id() ?? outer.id() }
  }

  /** Work that continues after the request keeps the scope, which must not keep the request in memory. */
  forgetRequest(): void {
    this.name = this.readName()
    this.id = this.readId()
    this.request = undefined
    this.naming = nameless
  }

  readName(): string {
    const request = this.request
    if (request === undefined) return this.name
    return bounded(
      this.naming.name() ?? `${request.method ?? ''} ${pathOf(request.originalUrl ?? request.url)}`,
    )
  }

  readId(): string | undefined {
    const request = this.request
    return request === undefined ? this.id : bounded(this.naming.id() ?? header(request, 'x-request-id'))
  }
}

/**
 * Opens the scope of a request, which ends when its response closes. A request has one scope per lifeguard: if an outer
 * integration has opened it, the inner one only sets its name, if it knows it.
 */
export function openRequestScope(
  lifeguard: Lifeguard,
  surface: Surface,
  request: RequestLike,
  response: ResponseLike,
  naming: RequestNaming,
): RequestScope {
  const key = internalsOf(lifeguard)?.requestKey
  const known = key === undefined ? undefined : (Reflect.get(request, key) as RequestRecord | undefined)
  if (known !== undefined) {
    const again = known.surface === surface
    if (!again) known.renameWithin(surface, naming)
    return { scope: known.scope, again }
  }

  const record = new RequestRecord(lifeguard, surface, request, naming)
  const { scope } = record
  // On the request itself: each entry of a WeakMap would live until V8 collects its old objects, with all it refers to.
  // Configurable, because a proxy must not hide any other property. It fails if the request is frozen.
  if (key !== undefined) Reflect.defineProperty(request, key, { value: record, configurable: true })
  endWithResponse(record, request, response)
  emitInside(scope, request)
  emitInside(scope, response)
  return { scope, again: false }
}

/** Without the checks for what an application passes, where the lifeguard is of this version. */
function openScopeOf(lifeguard: Lifeguard, options: ScopeOptions): OpenScope {
  return (internalsOf(lifeguard) ?? lifeguard).openScope(options)
}

function endWithResponse(record: RequestRecord, request: RequestLike, response: ResponseLike): void {
  const end = () => {
    record.scope.end(endingOf(request, response))
    // An aborted request may not have reached its route yet.
    if (isAnswered(request, response)) record.forgetRequest()
  }
  if (response.closed === true || response.destroyed === true) {
    end()
    return
  }
  // A response without a socket gets no event when the connection is lost: it is queued behind others of the connection,
  // or was created by a WebSocket library.
  const forget = response.socket ? undefined : endWithSocket(request.socket, end)
  response.on('close', () => {
    forget?.()
    end()
  })
}

function isAnswered(request: RequestLike, { writableFinished }: ResponseLike): boolean {
  return isHttp2(request) ? request.aborted !== true : writableFinished === true
}

/** In HTTP/2 every response finishes; only the request shows that it was aborted. */
function isHttp2(request: RequestLike): boolean {
  return 'stream' in request
}

/** The errors of the operating system and Node's parser that mean the client has disconnected. */
const clientErrors: ReadonlySet<string | undefined> = new Set([
  'ECONNRESET',
  'EPIPE',
  'HPE_INVALID_EOF_STATE',
])

function endingOf(request: RequestLike, response: ResponseLike): string {
  if (isAnswered(request, response)) return 'answered'
  if (request.headers.upgrade !== undefined) return 'the connection was closed'
  const { socket } = request
  const code = socket?.errored?.code
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'the request timed out'
  if (isHttp2(request) || socket?.readableEnded === true || clientErrors.has(code))
    return 'the client aborted'
  // The handler ended it, and the server closed it before all was sent, or there was no network.
  return response.writableEnded === true ? 'answered' : 'the server cut the connection'
}

/** The path without the query, which may contain user input. */
export function pathOf(url: string | undefined): string {
  return (url ?? '').split('?', 1)[0] || '/'
}

function header({ headers }: RequestLike, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function bounded<Text extends string | undefined>(text: Text): Text {
  return text === undefined || text.length <= longestText
    ? text
    : (`${text.slice(0, longestText)}...` as Text)
}

const { emit: presentEmit, listenerCount } = EventEmitter.prototype

/**
 * The one of Node.js, which does nothing if there is no listener. Undefined if this is another one by now, because that of
 * a domain or a tracer may do more.
 */
const plainEmit = Function.prototype.toString.call(presentEmit).includes('kErrorMonitor')
  ? presentEmit
  : undefined

/**
 * Runs listeners of the request and its response in its scope. Node.js emits most of their events from the connection,
 * which has no scope.
 */
function emitInside(scope: OpenScope, emitter: object): void {
  const { emit } = emitter as { emit?: unknown }
  if (typeof emit !== 'function') return
  const isPlain = emit === plainEmit
  Reflect.defineProperty(emitter, 'emit', {
    value(this: EventEmitter, ...args: unknown[]) {
      // Most events of most requests have no listener.
      if (isPlain && listenerCount.call(this, args[0] as string) === 0) return Reflect.apply(emit, this, args)
      return scope.run(() => Reflect.apply(emit, this, args))
    },
    configurable: true,
    writable: true,
  })
}

/** Emits a process warning, for a middleware that is mounted wrongly; the service continues. */
export function warn(message: string): void {
  process.emitWarning(message, { type: 'LifeguardWarning', code: 'LIFEGUARD_HTTP' })
}
