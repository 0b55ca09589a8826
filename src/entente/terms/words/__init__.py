"""Answers in words: plain English, JSON, and one page to hand to whoever decides.

Invariants:
  * Short sentences that can be read in one way; parties and agencies by name; law and assumption marked.
  * What comes out is safe for a terminal and for a browser, whatever the terms hold.
  * An answer that was cut short says so in words.

It asks nothing: it is given terms and answers.

    say_answer(terms, find_obstacles(terms))      # entente.terms.words.sentences
    answer_to_json(terms, find_obstacles(terms))  # entente.terms.words.wire
"""
