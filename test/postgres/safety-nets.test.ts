import { describe, expect, it } from 'vitest'
import { connectControl, safetyNets } from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

describe('safety nets', () => {
  it('tells what new sessions get, not what the control connection has set for itself', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    const before = await safetyNets(control)
    const net = (nets: typeof before, name: string) => nets.find(({ setting }) => setting === name)
    expect(net(before, 'statement_timeout')).toMatchObject({ value: '0', isOn: false })
    const statement = net(before, 'idle_in_transaction_session_timeout')?.statement ?? ''
    expect(statement).toBe(`ALTER DATABASE ${db.name} SET idle_in_transaction_session_timeout = '60s';`)
    for (const { statement, isOn } of before)
      if (!isOn && statement.startsWith('ALTER DATABASE')) await db.query(statement)
    const after = await safetyNets(control)
    expect(after.filter(({ isOn }) => !isOn).map(({ setting }) => setting)).toEqual(
      before
        .filter(({ isOn, statement }) => !isOn && statement.startsWith('ALTER SYSTEM'))
        .map(({ setting }) => setting),
    )
  })
})
