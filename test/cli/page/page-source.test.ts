import { expect, it, onTestFinished } from 'vitest'
import { pageSource } from '../../../src/cli/page/page-source.ts'

it('names the page after its only service, or else after the server', async () => {
  const titleOf = (apps: readonly string[]) => {
    const source = pageSource({
      ...{ target: 'database shop', apps, token: undefined, queryText: 'redacted' },
      connect: () => Promise.reject(Object.assign(new Error('away'), { severity: 'FATAL' })),
    })
    onTestFinished(() => source[Symbol.asyncDispose]())
    return source.read().get('head')?.get('page')
  }
  expect(titleOf([])).toMatchObject({ title: 'database shop', canEnd: true })
  expect(titleOf(['http://127.0.0.1:9/lifeguard'])).toMatchObject({ title: '127.0.0.1:9' })
  expect(titleOf(['http://127.0.0.1:9', 'http://127.0.0.1:7'])).toMatchObject({ title: 'database shop' })
})
