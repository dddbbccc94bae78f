import type { RequestLike, RequestNaming } from './request-scope.ts'

/** The part of an Express request that is used. */
export interface ExpressRequestLike extends RequestLike {
  readonly baseUrl?: string
  readonly app?: unknown
  readonly params?: Readonly<Record<string, unknown>>
}

interface MatchedRoute {
  readonly route: { readonly path?: unknown } | undefined
  readonly baseUrl: string
}

/** Names a request by its route, as soon as Express knows it. */
export function namingOf(request: ExpressRequestLike): RequestNaming {
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
