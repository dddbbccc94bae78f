import { describe, expect, it } from 'vitest'
import { applicationName, readApplicationName } from '../../src/sql/application-name.ts'

describe('the name of a connection', () => {
  it('tells application, process and host, in what PostgreSQL keeps of a name', () => {
    expect(applicationName({ application: 'orders', pid: 4711, host: 'web-3' })).toBe(
      'orders (pid 4711 on web-3)',
    )
    for (const application of ['orders', 'o'.repeat(200), 'Bestellungen (für München)', '']) {
      for (const host of ['web-3', 'h'.repeat(80), 'höst']) {
        const name = applicationName({ application, pid: 4_194_304, host })
        expect(name).toMatch(/^[\x20-\x7e]{1,63}$/)
        if (application !== '') expect(readApplicationName(name)).toMatchObject({ pid: 4_194_304 })
      }
    }
  })

  it('is not seen in other names', () => {
    for (const name of ['psql', 'orders (pid x on y)', 'orders (pid 1 on )', 'pid 1 on web'])
      expect(readApplicationName(name)).toBeUndefined()
  })
})
