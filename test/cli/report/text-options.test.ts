import { expect, it } from 'vitest'
import type { Invocation } from '../../../src/cli/command.ts'
import { textOptions } from '../../../src/cli/report/text-options.ts'
import { plain } from '../../../src/text/style.ts'

const coloured = (_format: unknown, text: string) => `*${text}*`

function invocation(options: Invocation['options'] = {}, columns?: number): Invocation {
  const terminal = {
    ...{ print: () => {}, warn: () => {}, confirm: async () => undefined, style: coloured },
    ...(columns === undefined ? {} : { columns }),
  }
  return { options, operands: [], terminal, env: {}, self: 'npx pg-lifeguard' }
}

it('has the look of the results, unless the text goes to the other stream', () => {
  expect(textOptions(invocation({}, 80))).toMatchObject({ style: coloured, columns: 80 })
  const aside = textOptions(invocation({}, 80), { style: plain })
  expect(aside.style).toBe(plain)
  expect(aside).not.toHaveProperty('columns')
})

it('has no columns in a pipe, so that nothing is wrapped or cut', () => {
  expect(textOptions(invocation())).not.toHaveProperty('columns')
})

it('has a command that works as the user runs it, on the same server, without the password', () => {
  expect(textOptions(invocation()).terminate?.('--pid 4711')).toBe('npx pg-lifeguard terminate --pid 4711')
  const { terminate } = textOptions(invocation({ url: 'postgres://app:secret@db:5432/shop' }))
  expect(terminate?.('--pid 4711')).toBe(
    'npx pg-lifeguard terminate --pid 4711 --url postgres://app@db:5432/shop',
  )
})
