import { expect, it } from 'vitest'
import { pageOptions } from '../../../src/cli/page/options.ts'

it('takes ports that exist', () => {
  const parse = pageOptions.find(({ flags }) => flags.startsWith('--port'))?.parse
  expect(parse?.('65535')).toBe(65_535)
  for (const wrong of ['65536', '-1', 'http']) expect(() => parse?.(wrong)).toThrow()
})
