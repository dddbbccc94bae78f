import { EventEmitter } from 'node:events'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createRegistered, requestRunner } from '../../src/register/guard.ts'
import { Routes } from '../../src/register/routes.ts'

function registered() {
  const lifeguard = createRegistered({ options: { mode: 'enforce' }, reporter: 'none' })
  onTestFinished(() => lifeguard.close())
  return lifeguard
}

it('creates a lifeguard with the options, which closes when the process has nothing left to do', async () => {
  const lifeguard = registered()
  expect(lifeguard.snapshot().mode).toBe('enforce')
  const [listener] = process.listeners('beforeExit').slice(-1)
  listener?.(0)
  await vi.waitFor(() => expect(() => lifeguard.watch({} as never)).toThrow(/after lifeguard.close/))
  process.removeListener('beforeExit', listener as () => void)
})

it.each([
  ['by its path without ids', undefined, 'GET /orders/:id/lines'],
  ["by Express's route", { path: '/orders/:order/lines' }, 'GET /orders/:order/lines'],
])('runs a request in a scope that is named %s', (_how, route, name) => {
  const lifeguard = registered()
  const run = requestRunner(lifeguard, new Routes())
  const request = { method: 'GET', url: '/orders/17/lines?page=2', headers: {} }
  const result = run(request, new EventEmitter() as never, () => {
    Object.assign(request, { route })
    return lifeguard.currentScope()?.describe().name
  })
  expect(result).toBe(name)
})
