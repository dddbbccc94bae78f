import { expect, it } from 'vitest'
import { withRequestScope } from '../../src/http/node.ts'
import { createLifeguard, OptionError } from '../../src/index.ts'

const lifeguard = createLifeguard({ reporters: [] })

it.each([
  [null, 'withRequestScope(lifeguard, handler, options) must be an object, got null'],
  [
    { nam: () => 'x' },
    'unknown option withRequestScope.nam; did you mean withRequestScope.name? (got function nam)',
  ],
  [{ name: 'GET /' }, 'withRequestScope.name must be a function of the request, got "GET /"'],
  [{ id: 'x' }, 'withRequestScope.id must be a function of the request, got "x"'],
])('%o is refused', (options, message) => {
  const wrap = () => withRequestScope(lifeguard, () => {}, options as never)
  expect(wrap).toThrow(OptionError)
  expect(wrap).toThrow(message)
})

it('functions are taken, and undefined for none', () => {
  const options = { name: () => 'x', id: undefined } as never
  expect(withRequestScope(lifeguard, () => 'handled', options)).toBeTypeOf('function')
})
