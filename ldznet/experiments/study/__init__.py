"""The paper's question in the drawn world: what does each input buy, given how many masks?"""
