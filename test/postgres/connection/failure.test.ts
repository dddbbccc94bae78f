import { describe, expect, it } from 'vitest'
import { connectControl } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

describe('why there is no connection', () => {
  it('says that there is no password where the server asks for one', async () => {
    const url = new URL(db.url)
    url.password = ''
    const env = { PGPASSFILE: '/nowhere' }
    await expect(connectControl({ url: url.href, env })).rejects.toThrow(
      /: the server asks for a password, and there is none\nset PGPASSWORD or ~\/\.pgpass/,
    )
  })

  it('calls the user by its name, also where the password is the same', async () => {
    const url = new URL(db.url)
    Object.assign(url, { username: 'postgres', password: 'postgres' })
    const refused = await connectControl({ url: url.href, env: {} }).catch((error: unknown) => error)
    expect(String(refused)).toContain('as postgres: ')
    expect(String(refused)).toContain('failed for user "***"')
  })

  it('never prints the password', async () => {
    const wrong = new URL(db.url)
    wrong.password = 'hunter22'
    const errors = [
      await connectControl({ url: wrong.href, env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:hunter22@127.0.0.1:1/db', env: {} }).catch(
        (error: Error) => error,
      ),
      await connectControl({ url: 'postgres://u:hunter22@[bad/db', env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:%E0%A4hunter22@h/db', env: {} }).catch(
        (error: Error) => error,
      ),
    ]
    const reasons = errors.map((error) => {
      const { reason, code } = error as { reason?: string; code?: string }
      return reason ?? code
    })
    expect(reasons).toEqual(['28P01', 'ECONNREFUSED', 'LIFEGUARD_OPTION', 'LIFEGUARD_OPTION'])
    for (const error of errors)
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('hunter22')
  })
})
