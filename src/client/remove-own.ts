import { types } from 'node:util'

/** V8 counts a few calls of a function before it caches what that reads. */
const enoughReads = 20

/**
 * Deletes an object's own property, and leaves the object as fast as it was. After a `delete`, V8 keeps an object as a
 * dictionary, where each access is a search: a pool that was watched once would cost half as much again. V8 turns it back
 * when something is read from an object whose prototype it is.
 */
export function removeOwn(object: object, name: PropertyKey): void {
  Reflect.deleteProperty(object, name)
  // The application would notice, and there is nothing to gain.
  if (types.isProxy(object)) return
  const derived = Object.create(object, { own: { value: undefined } }) as { readonly own: undefined }
  for (let reads = 0; reads < enoughReads; reads += 1) readOwn(derived)
}

/** Not a property of the object itself, which could be a getter, or of a proxy that is its prototype. */
function readOwn({ own }: { readonly own: undefined }): undefined {
  return own
}
