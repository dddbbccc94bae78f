import { channel } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { Routes } from '../../src/register/routes.ts'

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
