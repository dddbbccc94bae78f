import { expect, it } from 'vitest'
import { namingOf } from '../../src/http/express-naming.ts'

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
