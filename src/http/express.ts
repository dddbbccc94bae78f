import type { CurrentScope } from '../guard/scopes.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { routesBefore } from './express-routes.ts'
import {
  openRequestScope,
  type RequestLike,
  type RequestNaming,
  type ResponseLike,
  requireLifeguard,
  warn,
} from './request-scope.ts'

declare global {
  namespace Express {
    interface Request {
      /** The scope of this request, for error handlers, for example. Set by `lifeguardMiddleware`. */
      readonly lifeguard: CurrentScope
    }
  }
}

/** The part of an Express request that is used. */
export interface ExpressRequestLike extends RequestLike {
  readonly baseUrl?: string
  readonly app?: unknown
  readonly params?: Readonly<Record<string, unknown>>
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
    Object.assign(request, { lifeguard: scope })
    scope.run(next)
  }
}

interface MatchedRoute {
  readonly route: { readonly path?: unknown } | undefined
  readonly baseUrl: string
}

function namingOf(request: ExpressRequestLike): RequestNaming {
  const matched = followRoute(request)
  return {
    name() {
      const { route, baseUrl } = matched()
      return route && `${request.method ?? ''} ${joined(baseUrl, patternOf(route.path))}`
    },
    id() {
      const { id } = request as { readonly id?: unknown }
      return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
    },
  }
}

/**
 * Express sets `request.route` when a route matches, and keeps it. It restores `baseUrl` and the parameters of the mount
 * path afterwards, so these must be read at that moment.
 */
function followRoute(request: ExpressRequestLike): () => MatchedRoute {
  let route = (request as { readonly route?: MatchedRoute['route'] }).route
  let mountedAt = request.baseUrl ?? ''
  let baseUrl = mountedAt
  Object.defineProperty(request, 'route', {
    get: () => route,
    set(next: MatchedRoute['route']) {
      const { baseUrl: mount = '', params = {} } = request
      // The route itself sets it again, when the parameters are its own.
      if (next === route && mount === mountedAt) return
      route = next
      mountedAt = mount
      baseUrl = withParameters(mount, params)
    },
    enumerable: true,
    configurable: true,
  })
  return () => ({ route, baseUrl })
}

/** Turns the `/users/7` of a router mounted at `/users/:user` back into `/users/:user`, by its parameters. */
function withParameters(baseUrl: string, params: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(params)
  if (names.length === 0) return baseUrl
  return baseUrl
    .split('/')
    .map((segment) => {
      const name = segment === '' ? undefined : names.find((one) => params[one] === decoded(segment))
      return name === undefined ? segment : `:${name}`
    })
    .join('/')
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** A route's path is a string, a regular expression, or an array of them. */
function patternOf(path: unknown): string {
  return Array.isArray(path) ? path.map(String).join('|') : String(path)
}

function joined(baseUrl: string, path: string): string {
  return path === '/' && baseUrl !== '' ? baseUrl : baseUrl + path
}
