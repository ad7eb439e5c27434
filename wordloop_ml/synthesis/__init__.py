"""Pure: a finalised transcript becomes a MeetingSynthesis."""
