import { setFlagsFromString } from 'node:v8'

/**
 * Calls one of V8's own functions. Their syntax is known only while the flag is set, and V8 drops the code of a
 * function that has not run for a while and parses it again: so each call has a function of its own.
 */
function ofV8(name: string, ...objects: readonly object[]): boolean {
  setFlagsFromString('--allow-natives-syntax')
  try {
    return new Function('objects', `return %${name}(${objects.map((_, at) => `objects[${at}]`)})`)(objects)
  } finally {
    setFlagsFromString('--no-allow-natives-syntax')
  }
}

/** Whether V8 finds the object's properties by its shape. The others, it has to search for. */
export function isFast(object: object): boolean {
  return ofV8('HasFastProperties', object)
}

/** Whether V8 finds the properties of both in the same way, so that code which uses both stays fast. */
export function haveOneShape(one: object, other: object): boolean {
  return ofV8('HaveSameMap', one, other)
}
