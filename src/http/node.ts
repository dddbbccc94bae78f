import type { IncomingMessage, ServerResponse } from 'node:http'
import { readOptions } from '../core/options/read.ts'
import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import {
  openRequestScope,
  type RequestLike,
  type ResponseLike,
  requireLifeguard,
  warn,
} from './request-scope.ts'
import { type RequestScopeOptions, requestScopeOptions } from './request-scope-options.ts'

export {
  type HandlerRequest,
  type HandlerResponse,
  type LifeguardHandlerOptions,
  lifeguardHandler,
} from './lifeguard-handler.ts'
export type { RequestScopeOptions } from './request-scope-options.ts'

/**
 * Runs each request in a scope, which ends when its response closes. For plain `node:http`, and for frameworks that
 * return a handler for it: Koa, Hono.
 *
 * @throws OptionError if an argument is not a lifeguard or not a function
 *
 * @example
 * http.createServer(withRequestScope(lifeguard, (request, response) => response.end('hello')))
 * http.createServer(withRequestScope(lifeguard, koa.callback()))
 * http.createServer(withRequestScope(lifeguard, getRequestListener(hono.fetch)))
 */
export function withRequestScope<Result>(
  lifeguard: Lifeguard,
  handler: (request: IncomingMessage, response: ServerResponse) => Result,
  options?: RequestScopeOptions<IncomingMessage>,
): (request: IncomingMessage, response: ServerResponse) => Result
export function withRequestScope<Request extends RequestLike, Response extends ResponseLike, Result>(
  lifeguard: Lifeguard,
  handler: (request: Request, response: Response) => Result,
  options?: RequestScopeOptions<Request>,
): (request: Request, response: Response) => Result
export function withRequestScope<Request extends RequestLike, Response extends ResponseLike, Result>(
  lifeguard: Lifeguard,
  handler: (request: Request, response: Response) => Result,
  options: RequestScopeOptions<Request> = {},
): (request: Request, response: Response) => Result {
  requireLifeguard('withRequestScope(lifeguard)', lifeguard)
  if (typeof handler !== 'function') {
    throw new OptionError('withRequestScope(lifeguard, handler)', 'must be a function', handler)
  }
  const { name, id } = readOptions(requestScopeOptions, options)
  let saidTwice = false

  return function handleInScope(this: unknown, request, response) {
    const { scope, again } = openRequestScope(lifeguard, 'http', request, response, {
      name: () => answerOf(name, request),
      id: () => answerOf(id, request),
    })
    if (again && !saidTwice) {
      saidTwice = true
      warn('withRequestScope is wrapped around a handler twice: wrap it only once')
    }
    const handle = () => Reflect.apply(handler, this, [request, response]) as Result
    return again ? handle() : scope.run(handle)
  }
}

/** The result of a function of the application, whose errors must not make a request fail. */
function answerOf<Request>(
  ask: ((request: Request) => string | undefined) | undefined,
  request: Request,
): string | undefined {
  try {
    const answer: unknown = ask?.(request)
    return typeof answer === 'string' && answer !== '' ? answer : undefined
  } catch {
    return undefined
  }
}
