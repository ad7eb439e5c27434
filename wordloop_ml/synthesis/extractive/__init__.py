"""Pure: a synthesis made of the meeting's own sentences, chosen by numbers and rules."""
