import { setFlagsFromString } from 'node:v8'

// Only a function that is parsed while the flag is set may use V8's own syntax.
setFlagsFromString('--allow-natives-syntax')
const hasFastProperties = new Function('object', 'return %HasFastProperties(object)') as (
  object: object,
) => boolean
const haveSameMap = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (
  one: object,
  other: object,
) => boolean
setFlagsFromString('--no-allow-natives-syntax')

/** Whether V8 finds the object's properties by its shape. The others, it has to search for. */
export function isFast(object: object): boolean {
  return hasFastProperties(object)
}

/** Whether V8 finds the properties of both in the same way, so that code which uses both stays fast. */
export function haveOneShape(one: object, other: object): boolean {
  return haveSameMap(one, other)
}
