import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { METADATA, type UserSelector } from './decorators.ts';

/** What the decorators of a handler and its controller say. */
export interface HandlerRules {
  readonly service: string | undefined;
  readonly user: UserSelector | undefined;
  readonly requestMeta: readonly string[];
  readonly responseMeta: readonly string[];
  readonly redact: readonly string[];
  readonly rate: number | undefined;
}

/** Reads the decorators of each handler once. */
export class HandlerRulesReader {
  readonly #reflector: Reflector;
  readonly #known = new WeakMap<object, WeakMap<object, HandlerRules>>();

  constructor(reflector: Reflector) {
    this.#reflector = reflector;
  }

  read(context: ExecutionContext): HandlerRules {
    const controller = context.getClass();
    const handler = context.getHandler();
    const ofController = this.#known.get(controller) ?? new WeakMap<object, HandlerRules>();
    this.#known.set(controller, ofController);
    const known = ofController.get(handler);
    if (known !== undefined) return known;
    const one = <T>(key: string): T | undefined => this.#reflector.getAllAndOverride<T>(key, [handler, controller]);
    const all = (key: string): string[] => [
      ...new Set(
        [handler, controller].flatMap((target) => this.#reflector.get<string[] | undefined>(key, target) ?? []),
      ),
    ];
    const rules: HandlerRules = {
      service: one(METADATA.service),
      user: one(METADATA.user),
      requestMeta: all(METADATA.requestMeta),
      responseMeta: all(METADATA.responseMeta),
      redact: all(METADATA.redact),
      rate: one(METADATA.rate),
    };
    ofController.set(handler, rules);
    return rules;
  }
}
