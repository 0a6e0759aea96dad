/**
 * What `work` comes to, or an error after `ms`: a server that neither answers nor ends the connection is not there, whatever TCP
 * thinks. The connection is of no use any more then, and is to be destroyed.
 */
export async function answerWithin<R>(ms: number, work: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`connection timeout: no answer for ${ms} ms`)), ms);
  });
  // Whichever loses the race may still reject later, unheard.
  work.catch(() => {});
  return Promise.race([work, silence]).finally(() => clearTimeout(timer));
}
