import { expect, it } from 'vitest'
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
