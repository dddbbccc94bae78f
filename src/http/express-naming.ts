import type { RequestLike, RequestNaming } from './request-scope.ts'

/** The part of an Express request that is used. */
export interface ExpressRequestLike extends RequestLike {
  readonly baseUrl?: string
  readonly app?: unknown
  readonly params?: Readonly<Record<string, unknown>>
}

/**
 * The route of a request, and where its router was mounted when it matched. Without private fields, because a proxy that
 * the application has put around the request may put one around this, too.
 */
class MatchedRoute {
  route: { readonly path?: unknown } | undefined
  mountedAt: string
  baseUrl: string

  constructor({ route, baseUrl = '' }: RoutedRequest) {
    this.route = route
    this.mountedAt = baseUrl
    this.baseUrl = baseUrl
  }

  match(route: { readonly path?: unknown } | undefined, { baseUrl = '', params = {} }: RoutedRequest): void {
    // The route itself sets it again, when the parameters are its own.
    if (route === this.route && baseUrl === this.mountedAt) return
    this.route = route
    this.mountedAt = baseUrl
    this.baseUrl = withParameters(baseUrl, params)
  }

  pattern(): string | undefined {
    return this.route && joined(this.baseUrl, patternOf(this.route.path))
  }
}

/** The same symbol in every copy of the package, because only one can follow the route. Another shape needs another name. */
const matched = Symbol.for('pg-lifeguard.route')

type RoutedRequest = ExpressRequestLike & {
  route?: { readonly path?: unknown } | undefined
  [matched]?: MatchedRoute
}

/** Names a request by its route, as soon as Express knows it. */
export function namingOf(request: ExpressRequestLike): RequestNaming {
  const route = followRoute(request)
  return {
    name() {
      const pattern = route.pattern()
      return pattern === undefined ? undefined : `${request.method ?? ''} ${pattern}`
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
function followRoute(request: RoutedRequest): MatchedRoute {
  const known = request[matched]
  if (known !== undefined) {
    refollowRoute(request, known)
    return known
  }
  const route = new MatchedRoute(request)
  // Configurable, because a proxy must not hide any other property. It fails if the request is frozen.
  if (Reflect.defineProperty(request, matched, { value: route, configurable: true }))
    Reflect.defineProperty(request, 'route', followed)
  return route
}

/** The application may have replaced or deleted `request.route` since it was followed first. */
function refollowRoute(request: RoutedRequest, known: MatchedRoute): void {
  if (Object.getOwnPropertyDescriptor(request, 'route')?.get === followed.get) return
  if (request.route !== known.route) known.match(request.route, request)
  Reflect.defineProperty(request, 'route', followed)
}

function matchedOf(request: RoutedRequest): MatchedRoute | undefined {
  // A proxy of the application may return only the properties that it knows.
  return (
    request[matched] ?? (Object.getOwnPropertyDescriptor(request, matched)?.value as MatchedRoute | undefined)
  )
}

/** The same functions for each request: with others, each would be of a shape of its own, which makes all its use slow. */
const followed: PropertyDescriptor & ThisType<RoutedRequest> = {
  get() {
    return matchedOf(this)?.route
  },
  set(route) {
    const known = matchedOf(this)
    if (known !== undefined) known.match(route, this)
    // A copy of the request, made by the names of its properties, has a route of its own.
    else
      Object.defineProperty(this, 'route', {
        value: route,
        writable: true,
        enumerable: true,
        configurable: true,
      })
  },
  enumerable: true,
  configurable: true,
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
