/** A function that finds a line by the comment at its end, from 1. A comment on a line of its own names the line before it. */
export function lineByComment(source: readonly string[]): (comment: string) => number {
  return (comment) => {
    const index = source.findIndex((line) => line.endsWith(`// ${comment}`))
    if (index === -1) throw new Error(`no line ends with // ${comment}`)
    return source[index]?.trim() === `// ${comment}` ? index : index + 1
  }
}
