import { limitsOf } from './deadlines.ts'
import type { Owner } from './owners.ts'
import type { World } from './world.ts'

/** Something that a program may do next. */
export interface Step {
  readonly weight: number
  /** In what ways it can be done now; none if it cannot. */
  choices(world: World): readonly (() => Promise<void> | void)[]
}

interface StepOf<Subject extends unknown[]> {
  readonly weight: number
  /** Whether it can be done at all. */
  when(world: World, ...subject: Subject): boolean
  /** Whether a correct program would do it. */
  correct: boolean | ((world: World, ...subject: Subject) => boolean)
  take(world: World, ...subject: Subject): Promise<void> | void
}

function isAllowed<Subject extends unknown[]>(
  { when, correct }: StepOf<Subject>,
  world: World,
  ...subject: Subject
): boolean {
  if (!when(world, ...subject)) return false
  if (!world.correct) return true
  return typeof correct === 'function' ? correct(world, ...subject) : correct
}

/** A step of somebody who has, or has had, a client. */
export function ownerStep(step: StepOf<[Owner]>): Step {
  return {
    weight: step.weight,
    choices: (world) =>
      world.model.owners
        .filter((owner) => isAllowed(step, world, owner))
        .map((owner) => () => step.take(world, owner)),
  }
}

export function poolStep(step: StepOf<[]>): Step {
  return {
    weight: step.weight,
    choices: (world) => (isAllowed(step, world) ? [() => step.take(world)] : []),
  }
}

/** How long a correct program may wait until somebody has to come to an end. */
export function millisLeft({ model }: World): number {
  const due = model.owners.flatMap((owner) => limitsOf(model, owner).map(({ at }) => at))
  return Math.min(...due) - model.now - 1
}
