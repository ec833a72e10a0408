"""Mutation testing of the pure core: does a test notice, whatever is changed in `handlers/`?"""
