/** Cuts a stream of server-sent events, which arrives in pieces, into the data of each event. */
export class EventReader {
  #rest = ''

  read(piece: string): string[] {
    const events = (this.#rest + piece).split('\n\n')
    this.#rest = events.pop() ?? ''
    return events.flatMap((event) => {
      const lines = event.split('\n').filter((line) => line.startsWith('data: '))
      return lines.length === 0 ? [] : [lines.map((line) => line.slice('data: '.length)).join('\n')]
    })
  }
}
