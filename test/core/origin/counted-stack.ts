/** A stack that counts how often it is read. */
export function countedStack({ stack }: { readonly stack: string }) {
  return {
    reads: 0,
    get stack() {
      this.reads += 1
      return stack
    },
  }
}
