import { channel } from 'node:diagnostics_channel'
import type { RequestLike, ResponseLike } from '../http/request-scope.ts'

/** Opens the scope of a request and runs its handler in it; while there is no lifeguard, it only runs the handler. */
export type RequestRunner = (request: RequestLike, response: ResponseLike, handle: () => unknown) => unknown

interface ServerLike {
  emit(event: string | symbol, ...args: unknown[]): boolean
}

interface StartMessage {
  readonly server?: ServerLike
}

const followed = Symbol.for('pg-lifeguard.requests')
const requestEvents: ReadonlySet<unknown> = new Set(['request', 'checkContinue', 'checkExpectation'])

/** Passes every request of all HTTP servers of this process to `run`. */
export function followRequests(run: RequestRunner): void {
  // Published right before the server emits the request.
  channel('http.server.request.start').subscribe((message) => {
    const { server } = message as StartMessage
    if (server === undefined || Object.hasOwn(server, followed)) return
    Object.defineProperty(server, followed, { value: true })
    const { emit } = server
    Object.defineProperty(server, 'emit', {
      value(this: unknown, ...args: unknown[]) {
        const emitted = () => Reflect.apply(emit, this, args)
        const [event, request, response] = args
        return requestEvents.has(event)
          ? run(request as RequestLike, response as ResponseLike, emitted)
          : emitted()
      },
      configurable: true,
      writable: true,
    })
  })
}
