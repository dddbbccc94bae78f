import { expect, it } from 'vitest'
import { generalPath } from '../../src/register/general-path.ts'

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
