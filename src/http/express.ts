import type { CurrentScope, OpenScope } from '../guard/scopes.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { type ExpressRequestLike, namingOf } from './express-naming.ts'
import { routesBefore } from './express-routes.ts'
import { openRequestScope, type ResponseLike, requireLifeguard, warn } from './request-scope.ts'

export type { ExpressRequestLike } from './express-naming.ts'

declare global {
  namespace Express {
    interface Request {
      /** The scope of this request, for error handlers, for example. Set by `lifeguardMiddleware`. */
      readonly lifeguard: CurrentScope
    }
  }
}

/** A middleware for `app.use` of Express 4 and 5, and compatible routers. */
export type LifeguardMiddleware = (
  request: ExpressRequestLike,
  response: ResponseLike,
  next: (error?: unknown) => void,
) => void

/**
 * Runs each request in a scope, which ends when its response closes. Mount it first: middleware before it has no scope.
 *
 * @throws OptionError if the argument is not a lifeguard
 *
 * @example
 * const app = express()
 * app.use(lifeguardMiddleware(lifeguard))
 */
export function lifeguardMiddleware(lifeguard: Lifeguard): LifeguardMiddleware {
  requireLifeguard('lifeguardMiddleware(lifeguard)', lifeguard)
  let isPlaced = false
  let saidTwice = false

  return function lifeguardOfRequest(request, response, next) {
    if (!isPlaced) {
      isPlaced = true
      const routes = routesBefore(request.app, lifeguardOfRequest)
      if (routes > 0) {
        const behind = routes === 1 ? 'a route' : `${routes} routes`
        warn(
          `lifeguardMiddleware is mounted behind ${behind}: requests to them have no scope; mount it first`,
        )
      }
    }
    const { scope, again } = openRequestScope(lifeguard, 'express', request, response, namingOf(request))
    if (again) {
      if (!saidTwice)
        warn('lifeguardMiddleware is mounted twice on the route of a request: mount it only once')
      saidTwice = true
      return next()
    }
    ;(request as { lifeguard?: OpenScope }).lifeguard = scope
    scope.run(next)
  }
}
