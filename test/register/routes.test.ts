import { channel } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { generalPath, Routes } from '../../src/register/routes.ts'

it.each([
  ['/orders/17', '/orders/:id'],
  ['/orders/17/lines/3', '/orders/:id/lines/:id'],
  ['/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301', '/users/:id'],
  ['/blobs/9f86d081884c7d659a2feaa0c55ad015', '/blobs/:id'],
  ['/v2/health-check', '/v2/health-check'],
  ['/articles/how-to-find-a-leak', '/articles/how-to-find-a-leak'],
  ['/', '/'],
])('a path without a known route is named without ids: %s', (path, name) => {
  expect(generalPath(path)).toBe(name)
})

it("takes the pattern from Koa's context when it is asked", () => {
  const routes = new Routes()
  class Koa {
    createContext(_request: object): { _matchedRoute?: unknown } {
      return {}
    }
  }
  routes.loaded('koa', { default: Koa })
  const request = {}
  const context = new Koa().createContext(request)
  expect(routes.of(request)).toBeUndefined()
  context._matchedRoute = '/orders/:id'
  expect(routes.of(request)).toBe('/orders/:id')
  expect(routes.of({})).toBeUndefined()
})

it("takes the pattern from Fastify's request, and reads nothing that is deprecated there", () => {
  const routes = new Routes()
  type Hook = (request: object, reply: unknown, done: () => void) => void
  const hooks: Hook[] = []
  channel('fastify.initialization').publish({
    fastify: { addHook: (_name: string, hook: Hook) => hooks.push(hook) },
  })
  const route = (request: object) => {
    const raw = {}
    hooks.at(-1)?.({ raw, ...request }, {}, () => {})
    return routes.of(raw)
  }
  const deprecated = {
    get routerPath() {
      throw new Error('FSTDEP017')
    },
  }
  expect(route(Object.assign(Object.create(deprecated), { routeOptions: { url: '/orders/:id' } }))).toBe(
    '/orders/:id',
  )
  expect(route(Object.assign(Object.create(deprecated), { routeOptions: {} }))).toBeUndefined()
  expect(route({ routerPath: '/of/fastify/:four' })).toBe('/of/fastify/:four')
})
