import { describe, expect, it } from 'vitest'
import { type Preset, presets } from '../../src/register/presets.ts'
import { optionVariables } from '../../src/register/variables.ts'
import { useApplications } from '../register/application.ts'
import { useDatabase } from '../support/database.ts'
import { readPage, shown } from './page.ts'

const applications = useApplications(useDatabase(), [])
const { text } = readPage('docs/register.md')

describe('docs/register.md', () => {
  it('shows the line at the start', async () => {
    applications.write({ 'app.cjs': '' })
    const env = { LIFEGUARD_IDLE_TRANSACTION: '5s', LIFEGUARD_PRESET: 'development' }
    const { messages } = await applications.run('app.cjs', { env })
    // Two more variables are set so that the test can read findings.
    const [line = ''] = messages
    expect(line.replace(/ LIFEGUARD_(?:REPORTER|SCOPE_GRACE)=\S+/g, '')).toBe(
      shown('docs/register.md', 'without-changing-code')[0],
    )
  })

  it('has each variable, and no other', () => {
    const documented = new Set([...text.matchAll(/LIFEGUARD_[A-Z_]+/g)].map(([name]) => name))
    const remedies = optionVariables.filter(({ path }) => path[0] === 'remedies').map(({ name }) => name)
    const [one = ''] = remedies
    expect(documented).toContain(one)
    const names = optionVariables.map(({ name }) => name).filter((name) => !remedies.includes(name))
    expect([...documented].toSorted()).toEqual(
      [...names, one, 'LIFEGUARD_PRESET', 'LIFEGUARD_REPORTER'].toSorted(),
    )
  })

  it.each(Object.keys(presets) as Preset[])('says what the preset %s sets', (preset) => {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${preset}\``)) ?? ''
    const { options, reporter } = presets[preset]
    for (const [name, value] of Object.entries(options.limits ?? {})) {
      expect(row, name).toContain(`${Number(value) / 1000} s`)
    }
    expect(row.includes('`checked` handles')).toBe(options.handles === 'checked')
    expect(row.includes('`sessionState.verify`')).toBe(options.sessionState !== undefined)
    expect(row.includes('statistics')).toBe(options.statistics === true)
    expect(row.includes('JSON')).toBe(reporter === 'json')
    expect(row.includes('20 reports a minute')).toBe(options.reportsPerMinute === 20)
    expect(options.mode).toBeUndefined()
  })
})
