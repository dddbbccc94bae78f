import { expect, it, vi } from 'vitest'
import { namingOf } from '../../src/http/express-naming.ts'
import { haveOneShape, isFast } from '../support/fast-object.ts'

it('is unknown until a route matches, then its pattern with the mount point of its router', () => {
  const request: Record<string, unknown> & { headers: Record<string, string> } = {
    method: 'GET',
    url: '/users/7/orders/17?page=2',
    headers: {},
  }
  const { name, id } = namingOf(request)
  expect([name(), id()]).toEqual([undefined, undefined])
  Object.assign(request, { baseUrl: '/users/7', params: { user: '7' } })
  request.route = { path: '/orders/:order' }
  Object.assign(request, { baseUrl: '', params: {}, id: 42 })
  expect([name(), id()]).toEqual(['GET /users/:user/orders/:order', '42'])
})

it('tells each of several that ask, also about a route that has matched before', () => {
  const request = { method: 'GET', headers: {}, route: { path: '/orders/:order' } }
  const early = namingOf(request)
  request.route = { path: '/orders/latest' }
  const late = namingOf(request)
  request.route = { path: '/orders/:id' }
  expect([early.name(), late.name()]).toEqual(['GET /orders/:id', 'GET /orders/:id'])
})

it('leaves a request with its route, and no other sign, in the shape of the one before', () => {
  const requests = Array.from({ length: 20 }, () => ({
    method: 'GET',
    headers: {} as Record<string, string>,
  }))
  for (const request of requests) {
    namingOf(request)
    Object.assign(request, { route: { path: '/' } })
  }
  expect(Object.entries(requests[7] ?? {})).toEqual([
    ['method', 'GET'],
    ['headers', {}],
    ['route', { path: '/' }],
  ])
  expect(requests.every(isFast)).toBe(true)
  expect(new Set(requests.map((request) => haveOneShape(request, requests[0] ?? {})))).toEqual(
    new Set([true]),
  )
})

type Routed = Parameters<typeof namingOf>[0] & { route?: { path: string } | undefined }

const routed = (): Routed => ({ method: 'GET', url: '/orders/7', headers: {} })

it.each<[string, ProxyHandler<Routed>]>([
  ['passes everything on', {}],
  [
    'hides symbols',
    {
      get: (target, name, proxy) => (typeof name === 'symbol' ? undefined : Reflect.get(target, name, proxy)),
    },
  ],
  [
    'wraps each object that it returns',
    {
      get(target, name, proxy) {
        const value: unknown = Reflect.get(target, name, proxy)
        return typeof value === 'object' && value !== null ? new Proxy(value, {}) : value
      },
    },
  ],
])('follows the route through a proxy of the application that %s', (_what, handler) => {
  const request = routed()
  const outer = namingOf(request)
  const proxy = new Proxy(request, handler)
  proxy.route = { path: '/orders/:order' }
  expect([proxy.route?.path, request.route?.path]).toEqual(['/orders/:order', '/orders/:order'])
  expect(outer.name()).toBe('GET /orders/:order')

  const inner = namingOf(proxy)
  proxy.route = { path: '/orders/:id' }
  expect([proxy.route?.path, inner.name()]).toEqual(['/orders/:id', 'GET /orders/:id'])
})

it('leaves a request that the application copies by the names of its properties a route of its own', () => {
  const request = routed()
  namingOf(request)
  const copy = routed()
  for (const name of Object.getOwnPropertyNames(request))
    Object.defineProperty(copy, name, Object.getOwnPropertyDescriptor(request, name) ?? {})
  copy.route = { path: '/orders/:order' }
  expect(Object.entries(copy)).toContainEqual(['route', { path: '/orders/:order' }])
  delete copy.route
  expect(copy).not.toHaveProperty('route')
})

it('follows the route again after the application has deleted or replaced it', () => {
  const request = routed()
  const early = namingOf(request)
  delete request.route
  expect(namingOf(request).name()).toBe(undefined)
  request.route = { path: '/orders/:order' }
  expect(early.name()).toBe('GET /orders/:order')

  Object.defineProperty(request, 'route', { value: { path: '/' }, writable: true })
  const late = namingOf(request)
  expect([early.name(), late.name()]).toEqual(['GET /', 'GET /'])
  request.route = { path: '/orders/:id' }
  expect([early.name(), late.name()]).toEqual(['GET /orders/:id', 'GET /orders/:id'])
})

it('tells the naming of another copy of the package, too', async () => {
  vi.resetModules()
  const other = await import('../../src/http/express-naming.ts')
  expect(other.namingOf).not.toBe(namingOf)
  const request = routed()
  const namings = [namingOf(request), other.namingOf(request), namingOf(request)]
  request.route = { path: '/orders/:order' }
  expect(namings.map((naming) => naming.name())).toEqual(namings.map(() => 'GET /orders/:order'))
})

it('leaves a request that cannot be extended as it is', () => {
  const request = Object.freeze({ ...routed(), route: { path: '/orders/:order' } })
  expect(namingOf(request).name()).toBe('GET /orders/:order')
  const sealed = Object.preventExtensions({ ...routed(), route: { path: '/' } })
  namingOf(sealed)
  sealed.route = { path: '/orders/:order' }
  expect(sealed).toEqual({ ...routed(), route: { path: '/orders/:order' } })
})
